// Products of rows of one factor with the rows of another.
//
// A block of the product, a few rows by a few vectors, stays in registers while its sums over the
// rank are taken: what is loaded and widened of the right factor serves all rows of the block. Each
// sum is that of one element, from zero on and in order, however blocks are cut.

/// The rows of a block. Their numbers in the left factor are laid out for it, as doubles.
#define BLOCK_ROWS SINTER_LOW_RANK_ROWS
/// The vectors of a block, so that sums and loaded vectors fit the 16 or 32 registers; and those of a
/// block of a single row.
#if SINTER_WORDS == 8
#define BLOCK_VECTORS 4
#else
#define BLOCK_VECTORS 2
#endif
#define ROW_VECTORS 8

typedef double low_rank_vector __attribute__((ext_vector_type(SINTER_WORDS)));
typedef low_rank_vector low_rank_memory __attribute__((aligned(8)));
typedef float low_rank_single __attribute__((ext_vector_type(SINTER_WORDS), aligned(4)));

SINTER_INLINE low_rank_vector low_rank_load_f32(const float *numbers) {
  return __builtin_convertvector(*(const low_rank_single *)numbers, low_rank_vector);
}
SINTER_INLINE low_rank_vector low_rank_load_f64(const double *numbers) {
  return *(const low_rank_memory *)numbers;
}

// The sums are the same whether a product is rounded before it is added: the product of two floats
// is exact in a double.
SINTER_INLINE low_rank_vector low_rank_sum_f32(
    low_rank_vector sum, low_rank_vector number, low_rank_vector others) {
#pragma STDC FP_CONTRACT ON
  return sum + number * others;
}
SINTER_INLINE low_rank_vector low_rank_sum_f64(
    low_rank_vector sum, low_rank_vector number, low_rank_vector others) {
  return sum + number * others;
}

#define UNROLLED _Pragma("clang loop unroll(full)") for

#define ADD_LOW_RANK(suffix, element)                                                            \
  /** Some rows of some vectors; `left` has the rows' numbers side by side for each k. */          \
  SINTER_INLINE void low_rank_block_##suffix(                                                    \
      const double *left, const element *right, size_t rank, size_t stride, double coefficient,  \
      const double *coefficients, const double *source, double *target, size_t target_stride,    \
      const int rows, const int vectors) {                                                       \
    low_rank_vector sums[BLOCK_ROWS][ROW_VECTORS];                                               \
    UNROLLED(int r = 0; r < rows; r++) {                                                         \
      UNROLLED(int v = 0; v < vectors; v++) sums[r][v] = 0;                                      \
    }                                                                                            \
    for (size_t k = 0; k < rank; k++) {                                                          \
      low_rank_vector others[ROW_VECTORS];                                                       \
      UNROLLED(int v = 0; v < vectors; v++) {                                                    \
        others[v] = low_rank_load_##suffix(right + k * stride + v * SINTER_WORDS);               \
      }                                                                                          \
      UNROLLED(int r = 0; r < rows; r++) {                                                       \
        low_rank_vector number = left[k * rows + r];                                             \
        UNROLLED(int v = 0; v < vectors; v++) {                                                  \
          sums[r][v] = low_rank_sum_##suffix(sums[r][v], number, others[v]);                     \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
    UNROLLED(int v = 0; v < vectors; v++) {                                                      \
      low_rank_vector factors = coefficient;                                                     \
      if (coefficients) factors += low_rank_load_f64(coefficients + v * SINTER_WORDS);           \
      UNROLLED(int r = 0; r < rows; r++) {                                                       \
        size_t place = r * target_stride + v * SINTER_WORDS;                                     \
        *(low_rank_memory *)(target + place) =                                                   \
            low_rank_load_f64(source + place) + factors * sums[r][v];                            \
      }                                                                                          \
    }                                                                                            \
  }                                                                                              \
                                                                                                 \
  SINTER_INLINE void low_rank_rows_##suffix(                                                     \
      const element *left, const element *right, size_t rank, size_t stride, double coefficient, \
      const double *coefficients, const double *source, double *target, size_t target_stride,    \
      size_t count, double *scratch, const int rows, const int vectors) {                        \
    for (size_t k = 0; k < rank; k++) {                                                          \
      for (int r = 0; r < rows; r++) scratch[k * rows + r] = left[r * rank + k];                 \
    }                                                                                            \
    size_t j = 0;                                                                                \
    for (; j + vectors * SINTER_WORDS <= count; j += vectors * SINTER_WORDS) {                   \
      low_rank_block_##suffix(                                                                   \
          scratch, right + j, rank, stride, coefficient, coefficients ? coefficients + j : 0,    \
          source + j, target + j, target_stride, rows, vectors);                                 \
    }                                                                                            \
    for (; j + SINTER_WORDS <= count; j += SINTER_WORDS) {                                       \
      low_rank_block_##suffix(                                                                   \
          scratch, right + j, rank, stride, coefficient, coefficients ? coefficients + j : 0,    \
          source + j, target + j, target_stride, rows, 1);                                       \
    }                                                                                            \
    for (; j < count; j++) {                                                                     \
      double factor = coefficients ? coefficient + coefficients[j] : coefficient;                \
      for (int r = 0; r < rows; r++) {                                                           \
        double sum = 0;                                                                          \
        for (size_t k = 0; k < rank; k++) {                                                      \
          double product = scratch[k * rows + r] * (double)right[k * stride + j];                \
          sum = sum + product;                                                                   \
        }                                                                                        \
        double update = factor * sum;                                                            \
        target[r * target_stride + j] = source[r * target_stride + j] + update;                  \
      }                                                                                          \
    }                                                                                            \
  }                                                                                              \
                                                                                                 \
  void SINTER_NAME(add_low_rank_##suffix)(                                                       \
      const element *left, const element *right, size_t rank, size_t stride, double coefficient, \
      const double *coefficients, const double *source, double *target, size_t target_stride,    \
      size_t rows, size_t count, double *scratch) {                                              \
    size_t i = 0;                                                                                \
    for (; i + BLOCK_ROWS <= rows; i += BLOCK_ROWS) {                                            \
      low_rank_rows_##suffix(                                                                    \
          left + i * rank, right, rank, stride, coefficient, coefficients,                       \
          source + i * target_stride, target + i * target_stride, target_stride, count, scratch, BLOCK_ROWS, BLOCK_VECTORS); \
    }                                                                                            \
    if (i + 2 <= rows) {                                                                         \
      low_rank_rows_##suffix(                                                                    \
          left + i * rank, right, rank, stride, coefficient, coefficients,                       \
          source + i * target_stride, target + i * target_stride, target_stride, count, scratch, 2, BLOCK_VECTORS); \
      i += 2;                                                                                    \
    }                                                                                            \
    if (i < rows) {                                                                              \
      low_rank_rows_##suffix(                                                                    \
          left + i * rank, right, rank, stride, coefficient, coefficients,                       \
          source + i * target_stride, target + i * target_stride, target_stride, count, scratch, 1, ROW_VECTORS); \
    }                                                                                            \
  }

ADD_LOW_RANK(f32, float)
ADD_LOW_RANK(f64, double)

#undef ADD_LOW_RANK
#undef UNROLLED
#undef ROW_VECTORS
#undef BLOCK_VECTORS
#undef BLOCK_ROWS
