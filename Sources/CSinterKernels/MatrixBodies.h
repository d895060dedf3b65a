// The product of matrices: a tile of the result stays in registers while a block of terms is summed.
//
// A sum over the inner extent is taken in blocks of MATRIX_BLOCK terms, each from zero and in order,
// and the sums of blocks are added in order, so that every level gives the same bits and no result
// depends on how rows and columns are divided. Here a product and the sum that takes it in are one
// rounding: machines that cannot do that at once (x86 before AVX2) call the C library for it, which is
// slow, but has the same result.

#define MATRIX_BLOCK 64
#define MATRIX_ROWS 6
// Of 16 or 32 registers, tiles take 12 or 24.
#if SINTER_WORDS == 8
#define MATRIX_VECTORS 4
#else
#define MATRIX_VECTORS 2
#endif

#define MATRIX_BODY(element, suffix, lanes)                                                        \
  typedef element matrix_##suffix __attribute__((ext_vector_type(lanes)));                         \
  typedef matrix_##suffix matrix_##suffix##_memory __attribute__((aligned(sizeof(element))));      \
                                                                                                   \
  SINTER_INLINE void product_tile_##suffix(                                                        \
      const element *left, size_t row_stride, size_t column_stride, const element *right,          \
      size_t right_stride, element *target, size_t target_stride, size_t inner, const int rows,    \
      const int vectors) {                                                                         \
    matrix_##suffix sums[MATRIX_ROWS][MATRIX_VECTORS];                                             \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                            \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) sums[i][j] = 0;         \
    }                                                                                              \
    for (size_t k = 0; k < inner; k++) {                                                           \
      matrix_##suffix factors[MATRIX_VECTORS];                                                     \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {                       \
        factors[j] = *(const matrix_##suffix##_memory *)(right + k * right_stride + j * lanes);    \
      }                                                                                            \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                          \
        matrix_##suffix factor = left[i * row_stride + k * column_stride];                         \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {                     \
          sums[i][j] = __builtin_elementwise_fma(factor, factors[j], sums[i][j]);                  \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                            \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {                       \
        matrix_##suffix##_memory *place =                                                          \
            (matrix_##suffix##_memory *)(target + i * target_stride + j * lanes);                  \
        *place = *place + sums[i][j];                                                              \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  SINTER_INLINE void product_columns_##suffix(                                                     \
      const element *left, size_t row_stride, size_t column_stride, const element *right,          \
      size_t right_stride, element *target, size_t target_stride, size_t rows, size_t inner,       \
      const int vectors) {                                                                         \
    size_t i = 0;                                                                                  \
    for (; i + MATRIX_ROWS <= rows; i += MATRIX_ROWS) {                                            \
      product_tile_##suffix(                                                                       \
          left + i * row_stride, row_stride, column_stride, right, right_stride,                   \
          target + i * target_stride, target_stride, inner, MATRIX_ROWS, vectors);                 \
    }                                                                                              \
    for (; i + 2 <= rows; i += 2) {                                                                \
      product_tile_##suffix(                                                                       \
          left + i * row_stride, row_stride, column_stride, right, right_stride,                   \
          target + i * target_stride, target_stride, inner, 2, vectors);                           \
    }                                                                                              \
    for (; i < rows; i++) {                                                                        \
      product_tile_##suffix(                                                                       \
          left + i * row_stride, row_stride, column_stride, right, right_stride,                   \
          target + i * target_stride, target_stride, inner, 1, vectors);                           \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  void SINTER_NAME(add_product_##suffix)(                                                          \
      const element *left, size_t row_stride, size_t column_stride, const element *right,          \
      size_t right_stride, element *target, size_t target_stride, size_t rows, size_t inner,       \
      size_t columns) {                                                                            \
    for (size_t start = 0; start < inner; start += MATRIX_BLOCK) {                                 \
      size_t count = inner - start < MATRIX_BLOCK ? inner - start : MATRIX_BLOCK;                  \
      const element *own = left + start * column_stride;                                           \
      const element *other = right + start * right_stride;                                         \
      size_t j = 0;                                                                                \
      for (; j + MATRIX_VECTORS * lanes <= columns; j += MATRIX_VECTORS * lanes) {                 \
        product_columns_##suffix(                                                                  \
            own, row_stride, column_stride, other + j, right_stride, target + j, target_stride,    \
            rows, count, MATRIX_VECTORS);                                                          \
      }                                                                                            \
      for (; j + lanes <= columns; j += lanes) {                                                   \
        product_columns_##suffix(                                                                  \
            own, row_stride, column_stride, other + j, right_stride, target + j, target_stride,    \
            rows, count, 1);                                                                       \
      }                                                                                            \
      for (; j < columns; j++) {                                                                   \
        for (size_t i = 0; i < rows; i++) {                                                        \
          element sum = 0;                                                                         \
          for (size_t k = 0; k < count; k++) {                                                     \
            element factor = own[i * row_stride + k * column_stride];                              \
            sum = __builtin_elementwise_fma(factor, other[k * right_stride + j], sum);             \
          }                                                                                        \
          target[i * target_stride + j] = target[i * target_stride + j] + sum;                     \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

MATRIX_BODY(float, f32, (2 * SINTER_WORDS))
MATRIX_BODY(double, f64, SINTER_WORDS)

#undef MATRIX_BODY
#undef MATRIX_BLOCK
#undef MATRIX_ROWS
#undef MATRIX_VECTORS
