typedef VECTOR(uint64_t, SINTER_WORDS) words;
typedef VECTOR(uint32_t, 2 * SINTER_WORDS) half_words;
typedef half_words half_words_memory __attribute__((aligned(4)));

// How many registers of each word are worked on side by side. One round waits for the one before;
// with several at a time there is always something to do.
#if SINTER_WORDS == 8
#define ABREAST 4
#else
#define ABREAST 2
#endif

/// The number of elements whose bits are made at a time.
#define BATCH (4 * SINTER_WORDS * ABREAST)

#if SINTER_WORDS == 8
#define LOW_HALVES(v, w)                                                                 \
  __builtin_shufflevector(v, w, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define FIRST_PAIRS(v, w) __builtin_shufflevector(v, w, 0, 8, 1, 9, 2, 10, 3, 11)
#define LAST_PAIRS(v, w) __builtin_shufflevector(v, w, 4, 12, 5, 13, 6, 14, 7, 15)
#elif SINTER_WORDS == 4
#define LOW_HALVES(v, w) __builtin_shufflevector(v, w, 0, 8, 2, 10, 4, 12, 6, 14)
#define FIRST_PAIRS(v, w) __builtin_shufflevector(v, w, 0, 4, 1, 5)
#define LAST_PAIRS(v, w) __builtin_shufflevector(v, w, 2, 6, 3, 7)
#else
#define LOW_HALVES(v, w) __builtin_shufflevector(v, w, 0, 4, 2, 6)
#define FIRST_PAIRS(v, w) __builtin_shufflevector(v, w, 0, 2)
#define LAST_PAIRS(v, w) __builtin_shufflevector(v, w, 1, 3)
#endif

#define FOR_ABREAST _Pragma("clang loop unroll(full)") for (int i = 0; i < ABREAST; i++)

/// The bits of the elements of a batch, from a block on.
SINTER_INLINE void random_batch(
    uint64_t seed, uint64_t stream, uint64_t block, uint32_t bits[BATCH]) {
  words numbers;
  for (int j = 0; j < SINTER_WORDS; j++) numbers[j] = (uint64_t)j;
  // Four words of 32 bits in the low halves, where the products are computed. What gathers in the
  // high halves is not looked at.
  words a[ABREAST], b[ABREAST], c[ABREAST], d[ABREAST];
  FOR_ABREAST {
    a[i] = block + (uint64_t)(i * SINTER_WORDS) + numbers;
    b[i] = a[i] >> 32;
    c[i] = stream & 0xffffffffu;
    d[i] = stream >> 32;
  }
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    FOR_ABREAST {
      words p = 0xd2511f53u * (a[i] & 0xffffffffu);
      words q = 0xcd9e8d57u * (c[i] & 0xffffffffu);
      a[i] = (q >> 32) ^ b[i] ^ k0;
      b[i] = q;
      c[i] = (p >> 32) ^ d[i] ^ k1;
      d[i] = p;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  FOR_ABREAST {
    // The low halves of all four, block by block.
    words first = (words)LOW_HALVES((half_words)a[i], (half_words)b[i]);
    words second = (words)LOW_HALVES((half_words)c[i], (half_words)d[i]);
    uint32_t *target = bits + 4 * SINTER_WORDS * i;
    *(half_words_memory *)target = (half_words)FIRST_PAIRS(first, second);
    *(half_words_memory *)(target + 2 * SINTER_WORDS) = (half_words)LAST_PAIRS(first, second);
  }
}

/// The elements of the batch that begins with the block of an index, and which of them it is.
#define BLOCK_OF(index) ((index) >> 2)
#define PLACE_IN_BLOCK(index) ((size_t)(index) & 3)

SINTER_INLINE size_t smaller(size_t first, size_t second) {
  return first < second ? first : second;
}

void SINTER_NAME(random_words)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t *out, size_t count) {
  uint32_t bits[BATCH];
  size_t i = 0;
  while (i < count) {
    uint64_t next = index + i;
    if (PLACE_IN_BLOCK(next) == 0 && count - i >= BATCH) {
      random_batch(seed, stream, BLOCK_OF(next), out + i);
      i += BATCH;
    } else {
      random_batch(seed, stream, BLOCK_OF(next), bits);
      size_t n = smaller(count - i, BATCH - PLACE_IN_BLOCK(next));
      for (size_t j = 0; j < n; j++) out[i + j] = bits[PLACE_IN_BLOCK(next) + j];
      i += n;
    }
  }
}

/// The elements of a group whose bits are below the limit, and zero for the others.
SINTER_INLINE f64x16 kept(f64x16 values, const uint32_t *bits, uint32_t limit) {
  i32x16 below = *(const u32x16_memory *)bits < limit;
  return (f64x16)((i64x16)values & __builtin_convertvector(below, i64x16));
}

SINTER_INLINE void drop_few(
    const uint32_t *bits, uint32_t limit, double *row, const double *base, size_t count) {
  for (size_t j = 0; j < count; j++) {
    double value = base ? row[j] - base[j] : row[j];
    row[j] = bits[j] < limit ? value : 0;
  }
}

SINTER_INLINE void drop_all(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, double *restrict row,
    const double *restrict base, size_t count) {
  uint32_t bits[BATCH];
  size_t i = 0;
  if (PLACE_IN_BLOCK(index) != 0 && count > 0) {
    random_batch(seed, stream, BLOCK_OF(index), bits);
    i = smaller(count, BATCH - PLACE_IN_BLOCK(index));
    drop_few(bits + PLACE_IN_BLOCK(index), limit, row, base, i);
  }
  for (; i + BATCH <= count; i += BATCH) {
    random_batch(seed, stream, BLOCK_OF(index + i), bits);
    for (int j = 0; j < BATCH; j += GROUP) {
      f64x16 values = changes(row + i + j, base ? base + i + j : base, GROUP);
      store(kept(values, bits + j, limit), row + i + j);
    }
  }
  if (i < count) {
    random_batch(seed, stream, BLOCK_OF(index + i), bits);
    drop_few(bits, limit, row + i, base ? base + i : base, count - i);
  }
}

void SINTER_NAME(drop)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, double *row,
    const double *base, size_t count) {
  if (base) {
    drop_all(seed, stream, index, limit, row, base, count);
  } else {
    drop_all(seed, stream, index, limit, row, 0, count);
  }
}

SINTER_INLINE void sum_kept(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, const double *row,
    const double *base, uint16_t *marks, size_t count, double *all, double *some) {
  uint32_t bits[BATCH] = {0};
  f64x16 lanes = 0, kept_lanes = 0;
  size_t i = 0;
  for (; PLACE_IN_BLOCK(index) == 0 && i + BATCH <= count; i += BATCH) {
    random_batch(seed, stream, BLOCK_OF(index + i), bits);
    for (int j = 0; j < BATCH; j += GROUP) {
      f64x16 values = magnitude(load(row + i + j) - load(base + i + j));
      lanes += values;
      kept_lanes += kept(values, bits + j, limit);
      if (marks) *marks++ = marks_of(*(const u32x16_memory *)(bits + j) < limit);
    }
  }
  for (; i < count; i += GROUP) {
    size_t n = smaller(count - i, GROUP);
    SINTER_NAME(random_words)(seed, stream, index + i, bits, n);
    f64x16 values = magnitude(changes(row + i, base + i, n));
    lanes += values;
    kept_lanes += kept(values, bits, limit);
    if (marks) {
      uint32_t marked = marks_of(*(const u32x16_memory *)bits < limit);
      *marks++ = (uint16_t)(marked & ((1u << n) - 1));
    }
  }
  *all = total(lanes);
  *some = total(kept_lanes);
}

void SINTER_NAME(sums_of_kept)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, const double *row,
    const double *base, uint16_t *marks, size_t count, double *all, double *some) {
  if (marks) {
    sum_kept(seed, stream, index, limit, row, base, marks, count, all, some);
  } else {
    sum_kept(seed, stream, index, limit, row, base, 0, count, all, some);
  }
}

