typedef VECTOR(uint64_t, SINTER_WORDS) words;
typedef VECTOR(uint32_t, 2 * SINTER_WORDS) half_words;
typedef half_words half_words_memory __attribute__((aligned(4)));

/// The number of elements whose bits are made at a time: eight blocks.
#define BATCH 32

/// The bits of the elements of eight blocks from a number on.
SINTER_INLINE void random_batch(
    uint64_t seed, uint64_t stream, uint64_t block, uint32_t bits[BATCH]) {
  words numbers;
  for (int i = 0; i < SINTER_WORDS; i++) numbers[i] = (uint64_t)i;
  for (int part = 0; part < 8; part += SINTER_WORDS) {
    words counters = block + (uint64_t)part + numbers;
    // Four words of 32 bits in the low halves, where the products are computed. What gathers in the
    // high halves is not looked at.
    words a = counters, b = counters >> 32, c = stream & 0xffffffffu, d = stream >> 32;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
      words p = 0xd2511f53u * (a & 0xffffffffu);
      words q = 0xcd9e8d57u * (c & 0xffffffffu);
      a = (q >> 32) ^ b ^ k0;
      b = q;
      c = (p >> 32) ^ d ^ k1;
      d = p;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    // The low halves of all four, block by block.
    half_words w = (half_words)a, x = (half_words)b, y = (half_words)c, z = (half_words)d;
#if SINTER_WORDS == 8
#define LOW(v, w)                                                                        \
  __builtin_shufflevector(v, w, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define FIRST(v, w) __builtin_shufflevector(v, w, 0, 8, 1, 9, 2, 10, 3, 11)
#define SECOND(v, w) __builtin_shufflevector(v, w, 4, 12, 5, 13, 6, 14, 7, 15)
#elif SINTER_WORDS == 4
#define LOW(v, w) __builtin_shufflevector(v, w, 0, 8, 2, 10, 4, 12, 6, 14)
#define FIRST(v, w) __builtin_shufflevector(v, w, 0, 4, 1, 5)
#define SECOND(v, w) __builtin_shufflevector(v, w, 2, 6, 3, 7)
#else
#define LOW(v, w) __builtin_shufflevector(v, w, 0, 4, 2, 6)
#define FIRST(v, w) __builtin_shufflevector(v, w, 0, 2)
#define SECOND(v, w) __builtin_shufflevector(v, w, 1, 3)
#endif
    words pairs = (words)LOW(w, x), others = (words)LOW(y, z);
    uint32_t *target = bits + 4 * part;
    *(half_words_memory *)target = (half_words)FIRST(pairs, others);
    *(half_words_memory *)(target + 2 * SINTER_WORDS) = (half_words)SECOND(pairs, others);
#undef LOW
#undef FIRST
#undef SECOND
  }
}

/// The elements of the batch that begins with the block of an index, and which of them it is.
#define BLOCK(index) ((index) >> 2)
#define PLACE(index) ((size_t)(index) & 3)

SINTER_INLINE size_t smaller(size_t first, size_t second) {
  return first < second ? first : second;
}

void SINTER_NAME(random_words)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t *out, size_t count) {
  uint32_t bits[BATCH];
  size_t i = 0;
  while (i < count) {
    uint64_t next = index + i;
    if (PLACE(next) == 0 && count - i >= BATCH) {
      random_batch(seed, stream, BLOCK(next), out + i);
      i += BATCH;
    } else {
      random_batch(seed, stream, BLOCK(next), bits);
      size_t n = smaller(count - i, BATCH - PLACE(next));
      for (size_t j = 0; j < n; j++) out[i + j] = bits[PLACE(next) + j];
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
    const uint32_t *bits, uint32_t limit, double *row, size_t count) {
  for (size_t j = 0; j < count; j++) row[j] = bits[j] < limit ? row[j] : 0;
}

void SINTER_NAME(drop)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, double *row, size_t count) {
  uint32_t bits[BATCH];
  size_t i = 0;
  if (PLACE(index) != 0 && count > 0) {
    random_batch(seed, stream, BLOCK(index), bits);
    i = smaller(count, BATCH - PLACE(index));
    drop_few(bits + PLACE(index), limit, row, i);
  }
  for (; i + BATCH <= count; i += BATCH) {
    random_batch(seed, stream, BLOCK(index + i), bits);
    store(kept(load(row + i), bits, limit), row + i);
    store(kept(load(row + i + GROUP), bits + GROUP, limit), row + i + GROUP);
  }
  if (i < count) {
    random_batch(seed, stream, BLOCK(index + i), bits);
    drop_few(bits, limit, row + i, count - i);
  }
}

void SINTER_NAME(drop_and_sum)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, double *row, size_t count,
    double *before, double *after) {
  if (PLACE(index) != 0) {
    *before = SINTER_NAME(sum_of_absolutes)(row, count);
    SINTER_NAME(drop)(seed, stream, index, limit, row, count);
    *after = SINTER_NAME(sum_of_absolutes)(row, count);
    return;
  }
  uint32_t bits[BATCH];
  f64x16 all = 0, some = 0;
  size_t i = 0;
  for (; i + BATCH <= count; i += BATCH) {
    random_batch(seed, stream, BLOCK(index + i), bits);
    for (int j = 0; j < BATCH; j += GROUP) {
      f64x16 values = load(row + i + j);
      all += magnitude(values);
      values = kept(values, bits + j, limit);
      some += magnitude(values);
      store(values, row + i + j);
    }
  }
  if (i < count) {
    random_batch(seed, stream, BLOCK(index + i), bits);
    for (int j = 0; i < count; j += GROUP) {
      size_t n = smaller(count - i, GROUP);
      f64x16 values = load_first(row + i, n);
      all += magnitude(values);
      values = kept(values, bits + j, limit);
      some += magnitude(values);
      store_first(values, row + i, n);
      i += n;
    }
  }
  *before = total(all);
  *after = total(some);
}

#undef BLOCK
#undef PLACE
