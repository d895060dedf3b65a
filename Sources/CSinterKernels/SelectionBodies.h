// Finding the k-th largest of many keys. A key is a pattern of 64 bits, compared without a sign.

/// What keys are taken from. What is null is a constant where this is inlined, so that nobody asks for
/// each group.
typedef struct {
  /// Null for rows as they are stored; the base also for none.
  const double *row, *base;
  const uint16_t *stored_row, *stored_base;
  uint64_t mask;
} key_source;

/// The same from an element on.
SINTER_INLINE key_source from_element(key_source source, size_t i) {
  if (source.stored_row) {
    source.stored_row += i;
    source.stored_base += i;
  } else {
    source.row += i;
    if (source.base) source.base += i;
  }
  return source;
}

/// The numbers of a group whose bits are keys.
SINTER_INLINE f64x16 values_of(key_source source, size_t i) {
  if (source.stored_row) {
    return load_stored(source.stored_row + i) - load_stored(source.stored_base + i);
  }
  return changes(source.row + i, source.base ? source.base + i : 0, GROUP);
}

/// The keys of a group: the bits, under the mask, of numbers or of their differences from a base.
SINTER_INLINE u64x16 keys_of(key_source source, size_t i) {
  return (u64x16)values_of(source, i) & source.mask;
}

/// The key of one element.
SINTER_INLINE uint64_t element_key(key_source source, size_t i) {
  double value;
  if (source.stored_row) {
    value = widened_one(source.stored_row[i]) - widened_one(source.stored_base[i]);
  } else {
    value = source.base ? source.row[i] - source.base[i] : source.row[i];
  }
  uint64_t key;
  __builtin_memcpy(&key, &value, sizeof key);
  return key & source.mask;
}

/// Counts one key, and collects it when it lies within and is none of the atoms.
SINTER_INLINE void select_key(uint64_t key, sinter_selection *selection) {
  int is_atom = 0;
  selection->totals[0] += key > selection->high;
  selection->totals[1] += key == 0;
  for (int atom = 0; atom < SINTER_ATOMS; atom++) {
    selection->totals[2 + atom] += key == selection->atoms[atom];
    is_atom |= key == selection->atoms[atom];
  }
  // Written in any case, counted only when it belongs there: no branch to be guessed.
  selection->inside[selection->found] = key;
  selection->found += key >= selection->low && key <= selection->high && !is_atom;
}

#if SINTER_WORDS == 8
SINTER_INLINE size_t append(__m512i keys, __mmask8 mask, uint64_t *target) {
  // A compressing store would be one instruction, and a slow one on some machines.
  _mm512_storeu_si512(target, _mm512_maskz_compress_epi64(mask, keys));
  return (size_t)__builtin_popcount(mask);
}

/// Puts the lanes of a mask behind each other.
SINTER_INLINE size_t append_group(u64x16 keys, i64x16 mask, uint64_t *target) {
  __m512i halves[2], masks[2];
  __builtin_memcpy(halves, &keys, sizeof halves);
  __builtin_memcpy(masks, &mask, sizeof masks);
  size_t first = append(halves[0], _mm512_movepi64_mask(masks[0]), target);
  return first + append(halves[1], _mm512_movepi64_mask(masks[1]), target + first);
}
#else
SINTER_INLINE size_t append_group(u64x16 keys, i64x16 mask, uint64_t *target) {
  size_t appended = 0;
  for (int lane = 0; lane < GROUP; lane++) {
    target[appended] = keys[lane];
    appended -= (size_t)mask[lane];
  }
  return appended;
}
#endif

SINTER_INLINE uint64_t count_words(i64x16 masks) {
  uint64_t count = 0;
  for (int lane = 0; lane < GROUP; lane++) count -= (uint64_t)masks[lane];
  return count;
}

/// Selects among whole groups.
SINTER_INLINE void select_groups(
    key_source source, size_t count, sinter_selection *selection) {
  i64x16 above = 0, zero = 0, equal0 = 0, equal1 = 0, equal2 = 0, equal3 = 0;
  uint64_t low = selection->low, high = selection->high, *totals = selection->totals;
  uint64_t atom0 = selection->atoms[0], atom1 = selection->atoms[1];
  uint64_t atom2 = selection->atoms[2], atom3 = selection->atoms[3];
  size_t found = selection->found;
  for (size_t i = 0; i < count; i += GROUP) {
    u64x16 keys = keys_of(source, i);
    i64x16 is_above = keys > high;
    i64x16 is0 = keys == atom0, is1 = keys == atom1, is2 = keys == atom2, is3 = keys == atom3;
    above += is_above;
    zero += keys == 0;
    equal0 += is0;
    equal1 += is1;
    equal2 += is2;
    equal3 += is3;
    i64x16 taken = (keys >= low) & ~(is_above | is0 | is1 | is2 | is3);
    found += append_group(keys, taken, selection->inside + found);
  }
  totals[0] += count_words(above);
  totals[1] += count_words(zero);
  totals[2] += count_words(equal0);
  totals[3] += count_words(equal1);
  totals[4] += count_words(equal2);
  totals[5] += count_words(equal3);
  selection->found = found;
}

#if SINTER_WORDS == 8
/// The number of a bracket that the upper halves of keys are compared with, where the lower halves
/// are zero: the least that is not below it.
SINTER_INLINE uint64_t upper_half(uint64_t key) { return (key >> 32) + ((uint32_t)key != 0); }

/// Whether a bracket can be found in the upper halves of keys.
SINTER_INLINE int fits_upper_halves(const sinter_selection *selection) {
  int fits = upper_half(selection->low) <= UINT32_MAX;
  for (int atom = 0; atom < SINTER_ATOMS; atom++) {
    uint64_t key = selection->atoms[atom];
    fits &= (uint32_t)key == 0 || key == UINT64_MAX;
  }
  return fits;
}

/// The number of atoms in use; the others, the greatest number, stand behind them.
SINTER_INLINE int count_atoms(const sinter_selection *selection) {
  int count = 0;
  while (count < SINTER_ATOMS && selection->atoms[count] != UINT64_MAX) count++;
  return count;
}

/// The number of groups that are counted before keys of them are collected.
#define COUNTED_GROUPS 256

/// The bits of the largest finite float as a double.
#define LARGEST_FLOAT 0x47efffffe0000000

/// A bracket in the upper halves of keys, and how many of them there are.
typedef struct {
  __m512i lowest, highest, atoms[SINTER_ATOMS];
  /// Keys from the lowest on; those of them that are not above the highest; of these those that do
  /// not equal the first atom; nor the second; nor the third.
  __m512i counts[1 + SINTER_ATOMS];
} half_selection;

/// The least float that is not below a magnitude in doubles, as bits; above those of all finite floats
/// where none is.
SINTER_INLINE uint32_t float_from(uint64_t key) {
  if (key > LARGEST_FLOAT) return UINT32_MAX;
  double number;
  __builtin_memcpy(&number, &key, sizeof number);
  float nearest = (float)number;
  uint32_t bits;
  __builtin_memcpy(&bits, &nearest, sizeof bits);
  return bits + (nearest < number);
}

/// The largest finite float that is not above a magnitude in doubles, as bits.
SINTER_INLINE uint32_t float_up_to(uint64_t key) {
  uint32_t next = float_from(key);
  if (next == UINT32_MAX) return 0x7f7fffff;
  float number;
  __builtin_memcpy(&number, &next, sizeof number);
  double widened = number;
  return next - (__builtin_memcmp(&widened, &key, sizeof key) != 0);
}

/// The bits of the float that is a magnitude in doubles; where there is none, bits of no magnitude.
SINTER_INLINE uint32_t float_equal_to(uint64_t key) {
  uint32_t from = float_from(key);
  return from == float_up_to(key) ? from : UINT32_MAX;
}

/// Starts with a bracket of upper halves, or of floats.
SINTER_INLINE void start_half_selection(
    const sinter_selection *selection, int is_stored, half_selection *half) {
  uint64_t low = selection->low, high = selection->high;
  half->lowest = _mm512_set1_epi32((int)(is_stored ? float_from(low) : upper_half(low)));
  half->highest = _mm512_set1_epi32((int)(is_stored ? float_up_to(high) : high >> 32));
  for (int a = 0; a < SINTER_ATOMS; a++) {
    uint64_t key = selection->atoms[a];
    half->atoms[a] = _mm512_set1_epi32((int)(is_stored ? float_equal_to(key) : key >> 32));
  }
  for (int c = 0; c < 1 + SINTER_ATOMS; c++) half->counts[c] = _mm512_setzero_si512();
}

/// Adds one, a register of ones that the compiler must not know to be that: it would make two steps
/// of this one.
SINTER_INLINE __m512i count_where(__m512i counts, __mmask16 mask, __m512i one) {
  return _mm512_mask_add_epi32(counts, mask, counts, one);
}

/// Counts a group of keys, and returns which of them are to be collected.
SINTER_INLINE __mmask16 count_group(
    half_selection *half, __m512i keys, int atom_count, __m512i one) {
  // Each comparison looks only at what the one before has left.
  __mmask16 left = _mm512_cmpge_epu32_mask(keys, half->lowest);
  half->counts[0] = count_where(half->counts[0], left, one);
  left = _mm512_mask_cmple_epu32_mask(left, keys, half->highest);
#pragma clang loop unroll(full)
  for (int a = 0; a < atom_count; a++) {
    half->counts[1 + a] = count_where(half->counts[1 + a], left, one);
    left = _mm512_mask_cmpneq_epi32_mask(left, keys, half->atoms[a]);
  }
  return left;
}

/// The upper halves of the keys of a group; their lower halves are zero unless `bits` tell otherwise.
///
/// Of rows as they are stored they are differences in floats, without a sign, which are exact unless
/// `bits` tell otherwise.
SINTER_INLINE __m512i upper_halves(key_source source, size_t i, __m512i *bits) {
  if (source.stored_row) {
    f32x16 value = widened_bf16(*(const u16x16_memory *)(source.stored_row + i));
    f32x16 origin = widened_bf16(*(const u16x16_memory *)(source.stored_base + i));
    f32x16 change = value - origin;
    // The difference from the larger one is exact, so that it is the smaller one only if the first
    // was too (Dekker, "A floating-point technique for extending the available precision", 1971).
    *bits = _mm512_ternarylogic_epi32(
        *bits, (__m512i)(value - change), (__m512i)origin, 0xf6);
    *bits = _mm512_ternarylogic_epi32(
        *bits, (__m512i)(origin + change), (__m512i)value, 0xf6);
    return _mm512_and_si512((__m512i)change, _mm512_set1_epi32(0x7fffffff));
  }
  __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  f64x16 values = values_of(source, i);
  __m512i halves[2];
  __builtin_memcpy(halves, &values, sizeof halves);
  *bits = _mm512_ternarylogic_epi64(*bits, halves[0], halves[1], 0xfe);
  return _mm512_and_si512(
      _mm512_permutex2var_epi32(halves[0], odd, halves[1]),
      _mm512_set1_epi32((int)(source.mask >> 32)));
}

/// Whether all keys are what their upper halves, or floats, say.
SINTER_INLINE int are_halves(key_source source, __m512i bits) {
  // Zeros may be equal but for their signs.
  uint64_t wrong = source.stored_row ? 0x7fffffff7fffffff : source.mask & UINT32_MAX;
  return !_mm512_test_epi64_mask(bits, _mm512_set1_epi64((long long)wrong));
}

/// Collects the keys of a group that were taken.
SINTER_INLINE size_t collect_group(
    __m512i keys, int is_stored, __mmask16 taken, uint64_t *inside) {
  __m512i next = _mm512_maskz_compress_epi32(taken, keys);
  if (is_stored) {
    f64x16 numbers = __builtin_convertvector((f32x16)next, f64x16);
    *(f64x16_memory *)inside = numbers;
    return (size_t)__builtin_popcount(taken);
  }
  __m512i first = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(next));
  __m512i second = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(next, 1));
  _mm512_storeu_si512(inside, _mm512_slli_epi64(first, 32));
  _mm512_storeu_si512(inside + SINTER_WORDS, _mm512_slli_epi64(second, 32));
  return (size_t)__builtin_popcount(taken);
}

/// Collects the keys that were taken, and adds to the totals what was counted.
SINTER_INLINE void finish_half_selection(const half_selection *half, const uint16_t *taken,
                                         int atom_count, key_source source, size_t count,
                                         sinter_selection *selection) {
  size_t groups = count / GROUP, before = selection->found;
  __m512i bits = _mm512_setzero_si512();
  // Few groups have keys to collect: four without are passed over at once. Numbers can be read
  // behind the last.
  for (size_t group = 0; group < groups; group++) {
    uint64_t four;
    __builtin_memcpy(&four, taken + group, sizeof four);
    if (!four) {
      group += 3;
      continue;
    }
    if (!taken[group]) continue;
    __m512i keys = upper_halves(source, group * GROUP, &bits);
    selection->found += collect_group(
        keys, source.stored_row != 0, taken[group], selection->inside + selection->found);
  }
  uint64_t left = selection->found - before;
  for (int a = atom_count - 1; a >= 0; a--) {
    uint64_t more = (uint64_t)_mm512_reduce_add_epi32(half->counts[1 + a]);
    selection->totals[2 + a] += more - left;
    left = more;
  }
  selection->totals[0] += (uint64_t)_mm512_reduce_add_epi32(half->counts[0]) - left;
}

/// Selects among at most `COUNTED_GROUPS` whole groups by the upper halves of their keys, for one
/// selection or two: differences of short floating-point numbers have no more. The numbers of
/// selections and atoms are constants where this is inlined.
///
/// Returns whether the upper halves are enough; if not, nothing was found.
SINTER_INLINE int select_upper_halves(key_source source, size_t count,
                                      sinter_selection *selections, int selection_count,
                                      int atom_count) {
  half_selection halves[2];
  uint16_t taken[2][COUNTED_GROUPS + 3];
  for (int s = 0; s < selection_count; s++) {
    start_half_selection(selections + s, source.stored_row != 0, halves + s);
  }
  __m512i one = _mm512_set1_epi32(1);
  __asm__("" : "+v"(one));
  __m512i zero = _mm512_setzero_si512(), bits = zero;
  for (size_t i = 0; i < count; i += GROUP) {
    __m512i keys = upper_halves(source, i, &bits);
    zero = count_where(zero, _mm512_testn_epi32_mask(keys, keys), one);
    for (int s = 0; s < selection_count; s++) {
      taken[s][i / GROUP] = count_group(halves + s, keys, atom_count, one);
    }
  }
  if (!are_halves(source, bits)) return 0;
  for (int s = 0; s < selection_count; s++) {
    selections[s].totals[1] += (uint64_t)_mm512_reduce_add_epi32(zero);
    finish_half_selection(halves + s, taken[s], atom_count, source, count, selections + s);
  }
  return 1;
}

/// Whether the upper halves of keys are enough, from the first group on.
SINTER_INLINE int starts_short(key_source source) {
  if (source.stored_row) return 1;
  // What the first group is like all others are, as a rule.
  source.mask &= UINT32_MAX;
  u64x16 first = keys_of(source, 0);
  int is_short = 1;
  for (int lane = 0; lane < GROUP; lane++) is_short &= first[lane] == 0;
  return is_short;
}

/// Selects among whole groups that are few enough, in the shortest way that their keys allow.
SINTER_INLINE void select_part(
    key_source source, size_t count, sinter_selection *selections, int selection_count) {
  int is_short = starts_short(source), is_stored = source.stored_row != 0;
  // No key without a sign is like an atom that is not in use.
  int is_double = selection_count == 2 && source.mask >> 63 == 0;
  for (int s = 0; s < selection_count; s++) {
    is_double &= is_stored || fits_upper_halves(selections + s);
  }
  if (is_short && is_double &&
      select_upper_halves(source, count, selections, 2, SINTER_ATOMS)) {
    return;
  }
  for (int s = 0; s < selection_count; s++) {
    sinter_selection *selection = selections + s;
    if (is_short && (is_stored || fits_upper_halves(selection))) {
      int is_done = 0;
      switch (count_atoms(selection)) {
#define SELECT(n) select_upper_halves(source, count, selection, 1, n)
        case 0: is_done = SELECT(0); break;
        case 1: is_done = SELECT(1); break;
        case 2: is_done = SELECT(2); break;
        case 3: is_done = SELECT(3); break;
        case 4: is_done = SELECT(4); break;
#undef SELECT
      }
      if (is_done) continue;
    }
    select_groups(source, count, selection);
  }
}

SINTER_INLINE void select_whole(
    key_source source, size_t count, sinter_selection *selections, int selection_count) {
  for (size_t start = 0; start < count; start += COUNTED_GROUPS * GROUP) {
    size_t part = smaller(count - start, COUNTED_GROUPS * GROUP);
    select_part(from_element(source, start), part, selections, selection_count);
  }
}
#undef LARGEST_FLOAT
#else
SINTER_INLINE void select_whole(
    key_source source, size_t count, sinter_selection *selections, int selection_count) {
  for (int s = 0; s < selection_count; s++) select_groups(source, count, selections + s);
}
#endif

/// Selects among all elements.
SINTER_INLINE void select_all(
    key_source source, size_t count, sinter_selection *selections, int selection_count) {
  for (int s = 0; s < selection_count; s++) {
    selections[s].found = 0;
    for (int i = 0; i < 2 + SINTER_ATOMS; i++) selections[s].totals[i] = 0;
  }
  size_t whole = count / GROUP * GROUP;
  select_whole(source, whole, selections, selection_count);
  for (size_t i = whole; i < count; i++) {
    uint64_t key = element_key(source, i);
    for (int s = 0; s < selection_count; s++) select_key(key, selections + s);
  }
}

void SINTER_NAME(select_keys)(const double *row, const double *base, size_t count, uint64_t mask,
                              sinter_selection *selections, int selection_count) {
  if (base) {
    select_all((key_source){row, base, 0, 0, mask}, count, selections, selection_count);
  } else {
    select_all((key_source){row, 0, 0, 0, mask}, count, selections, selection_count);
  }
}

void SINTER_NAME(select_changes_bf16)(const uint16_t *row, const uint16_t *base, size_t count,
                                      sinter_selection *selections, int selection_count) {
  key_source source = {0, 0, row, base, INT64_MAX};
  select_all(source, row && base ? count : 0, selections, selection_count);
}

int SINTER_NAME(is_finite_bf16)(const uint16_t *row, size_t count) {
  return are_stored_finite(row, count);
}

void SINTER_NAME(count_bins)(const uint64_t *keys, size_t count, uint64_t low, int shift,
                             uint64_t *bins, size_t bin_count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t key = keys[i];
    uint64_t place = (key - low) >> shift;
    if (place >= bin_count) continue;
    uint64_t *bin = bins + 3 * place;
    bin[0]++;
    bin[1] = key < bin[1] ? key : bin[1];
    bin[2] = key > bin[2] ? key : bin[2];
  }
}
