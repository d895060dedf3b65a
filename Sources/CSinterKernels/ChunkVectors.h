// Chunks of thirty-two numbers of 16 bits, and lists of indices.

/// The number of elements of a chunk.
#define CHUNK 32

typedef VECTOR(uint16_t, 32) u16x32;
typedef VECTOR(int16_t, 32) i16x32;
typedef VECTOR(uint32_t, 32) u32x32;
typedef u16x32 u16x32_memory __attribute__((aligned(2)));

SINTER_INLINE u16x32 load_chunk(const uint16_t *numbers) {
  return *(const u16x32_memory *)numbers;
}
SINTER_INLINE void store_chunk(u16x32 chunk, uint16_t *numbers) {
  *(u16x32_memory *)numbers = chunk;
}

/// The low and the high halves of sixteen words.
SINTER_INLINE u32x16 low_halves(u64x16 words) {
  u32x32 v = (u32x32)words;
  return __builtin_shufflevector(
      v, v, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
SINTER_INLINE u32x16 high_halves(u64x16 words) {
  u32x32 v = (u32x32)words;
  return __builtin_shufflevector(
      v, v, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

#define LANE(n, i) ((i) < (n) ? 0 : 32 + (i) - (n))
#define LANES(n, i)                                                                       \
  LANE(n, i), LANE(n, i + 1), LANE(n, i + 2), LANE(n, i + 3), LANE(n, i + 4), LANE(n, i + 5), \
      LANE(n, i + 6), LANE(n, i + 7)
/// Adds to each lane the one that comes so many before it, if there is one.
#define ADD_BEFORE(v, n)         \
  (v) += __builtin_shufflevector( \
      (u16x32)0, (v), LANES(n, 0), LANES(n, 8), LANES(n, 16), LANES(n, 24))

/// Each lane with all of those before it.
SINTER_INLINE u16x32 running_sums(u16x32 chunk) {
  ADD_BEFORE(chunk, 1);
  ADD_BEFORE(chunk, 2);
  ADD_BEFORE(chunk, 4);
  ADD_BEFORE(chunk, 8);
  ADD_BEFORE(chunk, 16);
  return chunk;
}

#undef LANE
#undef LANES
#undef ADD_BEFORE

typedef VECTOR(_Bool, 32) b1x32;

/// The bits of the lanes of a mask that are -1.
SINTER_INLINE uint32_t marks_of_chunk(i16x32 mask) {
  b1x32 bits = __builtin_convertvector(mask, b1x32);
  uint32_t marks;
  __builtin_memcpy(&marks, &bits, sizeof marks);
  return marks;
}

/// Appends the indices of the lanes of a group that are marked, from that of the first lane on.
/// What it writes is as long as a group.
SINTER_INLINE size_t append_indices(uint16_t marks, size_t first, uint16_t *target) {
#if SINTER_WORDS == 8
  __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i indices = _mm512_add_epi32(numbers, _mm512_set1_epi32((int)first));
  indices = _mm512_maskz_compress_epi32(marks, indices);
  _mm256_storeu_si256((__m256i *)target, _mm512_cvtepi32_epi16(indices));
  return (size_t)__builtin_popcount(marks);
#else
  size_t count = 0;
  for (size_t j = 0; j < GROUP; j++) {
    target[count] = (uint16_t)(first + j);
    count += marks >> j & 1;
  }
  return count;
#endif
}

/// The same for a chunk.
SINTER_INLINE size_t append_chunk_indices(uint32_t marks, size_t first, uint16_t *target) {
  size_t count = append_indices((uint16_t)marks, first, target);
  return count + append_indices((uint16_t)(marks >> GROUP), first + GROUP, target + count);
}
