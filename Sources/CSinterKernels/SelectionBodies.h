// Finding the k-th largest of many keys. A key is a pattern of 64 bits, compared without a sign.

/// The keys of a group: the bits, under the mask, of numbers or of their differences from a base.
SINTER_INLINE u64x16 keys_of(const double *row, const double *base, uint64_t mask) {
  return (u64x16)changes(row, base, GROUP) & mask;
}

/// Counts one key, and collects it when it lies within and is none of the atoms.
SINTER_INLINE size_t select_key(uint64_t key, uint64_t low, uint64_t high, const uint64_t *atoms,
                                uint64_t *inside, uint64_t *totals) {
  int is_atom = 0;
  totals[0] += key > high;
  totals[1] += key == 0;
  for (int atom = 0; atom < SINTER_ATOMS; atom++) {
    totals[2 + atom] += key == atoms[atom];
    is_atom |= key == atoms[atom];
  }
  // Written in any case, counted only when it belongs there: no branch to be guessed.
  *inside = key;
  return key >= low && key <= high && !is_atom;
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
SINTER_INLINE size_t select_groups(const double *row, const double *base, size_t count,
                                   uint64_t mask, uint64_t low, uint64_t high,
                                   const uint64_t *atoms, uint64_t *inside, uint64_t *totals) {
  i64x16 above = 0, zero = 0, equal0 = 0, equal1 = 0, equal2 = 0, equal3 = 0;
  uint64_t atom0 = atoms[0], atom1 = atoms[1], atom2 = atoms[2], atom3 = atoms[3];
  size_t found = 0;
  for (size_t i = 0; i < count; i += GROUP) {
    u64x16 keys = keys_of(row + i, base ? base + i : 0, mask);
    i64x16 is_above = keys > high;
    i64x16 is0 = keys == atom0, is1 = keys == atom1, is2 = keys == atom2, is3 = keys == atom3;
    above += is_above;
    zero += keys == 0;
    equal0 += is0;
    equal1 += is1;
    equal2 += is2;
    equal3 += is3;
    i64x16 taken = (keys >= low) & ~(is_above | is0 | is1 | is2 | is3);
    found += append_group(keys, taken, inside + found);
  }
  totals[0] += count_words(above);
  totals[1] += count_words(zero);
  totals[2] += count_words(equal0);
  totals[3] += count_words(equal1);
  totals[4] += count_words(equal2);
  totals[5] += count_words(equal3);
  return found;
}

#if SINTER_WORDS == 8
/// The number of a bracket that the upper halves of keys are compared with, where the lower halves
/// are zero: the least that is not below it.
SINTER_INLINE uint64_t upper_half(uint64_t key) { return (key >> 32) + ((uint32_t)key != 0); }

/// Whether a bracket can be found in the upper halves of keys.
SINTER_INLINE int fits_upper_halves(uint64_t low, const uint64_t *atoms) {
  int fits = upper_half(low) <= UINT32_MAX;
  for (int atom = 0; atom < SINTER_ATOMS; atom++) {
    fits &= (uint32_t)atoms[atom] == 0 || atoms[atom] == UINT64_MAX;
  }
  return fits;
}

SINTER_INLINE __m512i count_where(__m512i counts, __mmask16 mask) {
  return _mm512_mask_add_epi32(counts, mask, counts, _mm512_set1_epi32(1));
}

/// Selects among whole groups by the upper halves of their keys: differences of short floating-point
/// numbers have no more. `atom_count` is a constant where this is inlined.
///
/// Returns more than `count` when a lower half was not zero; then nothing of what was found counts.
SINTER_INLINE size_t select_upper_halves(const double *row, const double *base, size_t count,
                                         uint64_t mask, uint64_t low, uint64_t high,
                                         const uint64_t *atoms, int atom_count, uint64_t *inside,
                                         uint64_t *totals) {
  __m512i kept_bits = _mm512_set1_epi32((int)(mask >> 32));
  __m512i lowest = _mm512_set1_epi32((int)upper_half(low));
  __m512i highest = _mm512_set1_epi32((int)(high >> 32));
  __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  __m512i atom[SINTER_ATOMS], equal[SINTER_ATOMS];
  __m512i above = _mm512_setzero_si512(), zero = above, bits = above;
  for (int a = 0; a < SINTER_ATOMS; a++) {
    atom[a] = _mm512_set1_epi32((int)(atoms[a] >> 32));
    equal[a] = above;
  }
  size_t found = 0;
  for (size_t i = 0; i < count; i += GROUP) {
    f64x16 values = changes(row + i, base ? base + i : 0, GROUP);
    __m512i halves[2];
    __builtin_memcpy(halves, &values, sizeof halves);
    bits = _mm512_or_si512(bits, _mm512_or_si512(halves[0], halves[1]));
    __m512i keys = _mm512_and_si512(
        _mm512_permutex2var_epi32(halves[0], odd, halves[1]), kept_bits);
    __mmask16 is_above = _mm512_cmpgt_epu32_mask(keys, highest);
    __mmask16 taken = _mm512_mask_cmpge_epu32_mask((__mmask16)~is_above, keys, lowest);
    above = count_where(above, is_above);
    zero = count_where(zero, _mm512_testn_epi32_mask(keys, keys));
#pragma clang loop unroll(full)
    for (int a = 0; a < atom_count; a++) {
      __mmask16 is_atom = _mm512_cmpeq_epi32_mask(keys, atom[a]);
      equal[a] = count_where(equal[a], is_atom);
      taken &= (__mmask16)~is_atom;
    }
    // Few groups have keys to collect, and stores that cross the lines of the cache are slow.
    if (!taken) continue;
    __m512i next = _mm512_maskz_compress_epi32(taken, keys);
    __m512i first = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(next));
    __m512i second = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(next, 1));
    _mm512_storeu_si512(inside + found, _mm512_slli_epi64(first, 32));
    _mm512_storeu_si512(inside + found + SINTER_WORDS, _mm512_slli_epi64(second, 32));
    found += (size_t)__builtin_popcount(taken);
  }
  if (_mm512_test_epi64_mask(bits, _mm512_set1_epi64((long long)(mask & UINT32_MAX)))) {
    return count + 1;
  }
  totals[0] += (uint64_t)_mm512_reduce_add_epi32(above);
  totals[1] += (uint64_t)_mm512_reduce_add_epi32(zero);
  for (int a = 0; a < atom_count; a++) {
    totals[2 + a] += (uint64_t)_mm512_reduce_add_epi32(equal[a]);
  }
  return found;
}

/// Selects among whole groups, in the shortest way that their keys allow.
SINTER_INLINE size_t select_whole(const double *row, const double *base, size_t count,
                                  uint64_t mask, uint64_t low, uint64_t high,
                                  const uint64_t *atoms, uint64_t *inside, uint64_t *totals) {
  // What the first group is like all others are, as a rule.
  int is_short = count >= GROUP && count < UINT32_MAX && fits_upper_halves(low, atoms);
  if (is_short) {
    u64x16 first = keys_of(row, base, mask & UINT32_MAX);
    for (int lane = 0; lane < GROUP; lane++) is_short &= first[lane] == 0;
  }
  if (is_short) {
    size_t found;
#define SELECT(n) \
  select_upper_halves(row, base, count, mask, low, high, atoms, n, inside, totals)
    // Atoms that are not in use, the greatest number, stand behind the others.
    if (atoms[0] == UINT64_MAX) {
      found = SELECT(0);
    } else if (atoms[1] == UINT64_MAX) {
      found = SELECT(1);
    } else if (atoms[2] == UINT64_MAX) {
      found = SELECT(2);
    } else if (atoms[3] == UINT64_MAX) {
      found = SELECT(3);
    } else {
      found = SELECT(4);
    }
#undef SELECT
    if (found <= count) return found;
  }
  return select_groups(row, base, count, mask, low, high, atoms, inside, totals);
}
#else
#define select_whole select_groups
#endif

/// Selects among all elements; inlined where there is no base, so that nobody asks for each group.
SINTER_INLINE size_t select_all(const double *row, const double *base, size_t count, uint64_t mask,
                                uint64_t low, uint64_t high, const uint64_t *atoms,
                                uint64_t *inside, uint64_t *totals) {
  size_t whole = count / GROUP * GROUP;
  size_t found = select_whole(row, base, whole, mask, low, high, atoms, inside, totals);
  for (size_t i = whole; i < count; i++) {
    double value = base ? row[i] - base[i] : row[i];
    uint64_t key;
    __builtin_memcpy(&key, &value, sizeof key);
    found += select_key(key & mask, low, high, atoms, inside + found, totals);
  }
  return found;
}

size_t SINTER_NAME(select_keys)(const double *row, const double *base, size_t count, uint64_t mask,
                                uint64_t low, uint64_t high, const uint64_t *atoms,
                                uint64_t *inside, uint64_t *totals) {
  for (int i = 0; i < 2 + SINTER_ATOMS; i++) totals[i] = 0;
  return base ? select_all(row, base, count, mask, low, high, atoms, inside, totals)
              : select_all(row, 0, count, mask, low, high, atoms, inside, totals);
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
