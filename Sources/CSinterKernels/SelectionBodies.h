// Finding the k-th largest of many keys. A key is a pattern of 64 bits, compared without a sign.

#if SINTER_WORDS == 8
/// Puts the lanes of a mask behind each other.
SINTER_INLINE size_t append_half(__m512i keys, __mmask8 mask, uint64_t *target) {
  // A compressing store would be one instruction, and a slow one on some machines.
  _mm512_storeu_si512(target, _mm512_maskz_compress_epi64(mask, keys));
  return (size_t)__builtin_popcount(mask);
}

SINTER_INLINE size_t append(u64x16 keys, i64x16 mask, uint64_t *target) {
  __m512i halves[2], masks[2];
  __builtin_memcpy(halves, &keys, sizeof halves);
  __builtin_memcpy(masks, &mask, sizeof masks);
  size_t first = append_half(halves[0], _mm512_movepi64_mask(masks[0]), target);
  return first + append_half(halves[1], _mm512_movepi64_mask(masks[1]), target + first);
}
#else
SINTER_INLINE size_t append(u64x16 keys, i64x16 mask, uint64_t *target) {
  size_t appended = 0;
  for (int lane = 0; lane < GROUP; lane++) {
    // Written in any case, counted only when it belongs there: no branch to be guessed.
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

size_t SINTER_NAME(select_keys)(const double *row, size_t count, uint64_t mask, uint64_t low,
                                uint64_t high, const uint64_t *atoms, uint64_t *inside,
                                uint64_t *totals) {
  i64x16 above = 0, zero = 0, equal0 = 0, equal1 = 0, equal2 = 0, equal3 = 0;
  uint64_t atom0 = atoms[0], atom1 = atoms[1], atom2 = atoms[2], atom3 = atoms[3];
  size_t found = 0, i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    u64x16 keys = (u64x16)load(row + i) & mask;
    i64x16 is_above = keys > high;
    i64x16 is0 = keys == atom0, is1 = keys == atom1, is2 = keys == atom2, is3 = keys == atom3;
    above += is_above;
    zero += keys == 0;
    equal0 += is0;
    equal1 += is1;
    equal2 += is2;
    equal3 += is3;
    found += append(keys, (keys >= low) & ~(is_above | is0 | is1 | is2 | is3), inside + found);
  }
  totals[0] = count_words(above);
  totals[1] = count_words(zero);
  totals[2] = count_words(equal0);
  totals[3] = count_words(equal1);
  totals[4] = count_words(equal2);
  totals[5] = count_words(equal3);
  for (; i < count; i++) {
    uint64_t key;
    __builtin_memcpy(&key, row + i, sizeof key);
    key &= mask;
    totals[0] += key > high;
    totals[1] += key == 0;
    int is_atom = 0;
    for (int atom = 0; atom < SINTER_ATOMS; atom++) {
      totals[2 + atom] += key == atoms[atom];
      is_atom |= key == atoms[atom];
    }
    if (key >= low && key <= high && !is_atom) inside[found++] = key;
  }
  return found;
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
