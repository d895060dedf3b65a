// Products of a row of one factor with the rows of another.

/// How many groups of columns are summed at once: eight vectors, whatever their width.
#define SUMMED_GROUPS (SINTER_WORDS / 2)

/// row += coefficient · sums, or times as many coefficients where there are any.
SINTER_INLINE void add_sums(
    f64x16 sums, double coefficient, const double *coefficients, double *row, size_t count) {
  f64x16 factors = (f64x16)coefficient;
  if (coefficients) {
    factors += count == GROUP ? load(coefficients) : load_first(coefficients, count);
  }
  if (count == GROUP) {
    store(load(row) + factors * sums, row);
  } else {
    store_first(load_first(row, count) + factors * sums, row, count);
  }
}

SINTER_INLINE f64x16 load_f32(const float *numbers) {
  return __builtin_convertvector(*(const f32x16_memory *)numbers, f64x16);
}
SINTER_INLINE f64x16 load_first_f32(const float *numbers, size_t count) {
  double values[GROUP] = {0};
  for (size_t i = 0; i < count; i++) values[i] = numbers[i];
  return load(values);
}

// The sums are the same whether a product is rounded before it is added: the product of two floats
// is exact in a double.
SINTER_INLINE f64x16 sum_f32(f64x16 sum, double number, f64x16 others) {
#pragma STDC FP_CONTRACT ON
  return sum + number * others;
}
SINTER_INLINE f64x16 sum_f64(f64x16 sum, double number, f64x16 others) {
  return sum + number * others;
}

#define ADD_LOW_RANK(suffix, element, load_all, load_some)                                       \
  void SINTER_NAME(add_low_rank_##suffix)(                                                       \
      const element *left, const element *right, size_t rank, size_t stride, double coefficient, \
      const double *coefficients, double *row, size_t count) {                                   \
    size_t i = 0;                                                                                \
    for (; i + SUMMED_GROUPS * GROUP <= count; i += SUMMED_GROUPS * GROUP) {                     \
      f64x16 sums[SUMMED_GROUPS];                                                                \
      for (int g = 0; g < SUMMED_GROUPS; g++) sums[g] = (f64x16)0.0;                             \
      for (size_t k = 0; k < rank; k++) {                                                        \
        double number = left[k];                                                                 \
        for (int g = 0; g < SUMMED_GROUPS; g++) {                                                \
          sums[g] =                                                                              \
              sum_##suffix(sums[g], number, load_all(right + k * stride + i + g * GROUP));       \
        }                                                                                        \
      }                                                                                          \
      for (int g = 0; g < SUMMED_GROUPS; g++) {                                                  \
        size_t j = i + g * GROUP;                                                                \
        add_sums(sums[g], coefficient, coefficients ? coefficients + j : 0, row + j, GROUP);     \
      }                                                                                          \
    }                                                                                            \
    while (i < count) {                                                                          \
      size_t taken = count - i < GROUP ? count - i : GROUP;                                      \
      f64x16 sum = (f64x16)0.0;                                                                  \
      for (size_t k = 0; k < rank; k++) {                                                        \
        const element *others = right + k * stride + i;                                          \
        sum = sum_##suffix(                                                                      \
            sum, left[k], taken == GROUP ? load_all(others) : load_some(others, taken));         \
      }                                                                                          \
      add_sums(sum, coefficient, coefficients ? coefficients + i : 0, row + i, taken);           \
      i += taken;                                                                                \
    }                                                                                            \
  }

ADD_LOW_RANK(f32, float, load_f32, load_first_f32)
ADD_LOW_RANK(f64, double, load, load_first)
