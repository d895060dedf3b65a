// Simple loops, which the compiler turns into vector code by itself.

void SINTER_NAME(subtract)(double *restrict row, const double *restrict other, size_t count) {
  for (size_t i = 0; i < count; i++) row[i] -= other[i];
}

void SINTER_NAME(multiply)(double *restrict row, double factor, size_t count) {
  for (size_t i = 0; i < count; i++) row[i] *= factor;
}

void SINTER_NAME(add_product)(
    double *restrict row, double factor, const double *restrict other, size_t count) {
  for (size_t i = 0; i < count; i++) row[i] += factor * other[i];
}

void SINTER_NAME(add_base)(double *restrict row, const double *restrict base, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double sum = base[i] + row[i];
    row[i] = row[i] == 0 ? base[i] : sum;
  }
}

void SINTER_NAME(combine)(
    double a, const double *x, double b, const double *y, double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = a * x[i] + b * y[i];
}

void SINTER_NAME(combine_unless_equal)(
    double a, const double *x, double b, const double *y, const double *equal,
    double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double sum = a * x[i] + b * y[i];
    double other = equal[i];
    out[i] = x[i] == y[i] ? other : sum;
  }
}

void SINTER_NAME(approach)(
    const double *base, const double *x, double t, double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double difference = x[i] - base[i];
    // The last case is NaN, which must not vanish.
    double step = difference > 0 ? t : difference < 0 ? -t : difference;
    double moved = base[i] + step, model = x[i];
    out[i] = __builtin_fabs(difference) <= t ? model : moved;
  }
}

// MARK: Sums over the rows of a tile

SINTER_INLINE f64x16 load_some(const double *row, size_t count) {
  return count == GROUP ? load(row) : load_first(row, count);
}
SINTER_INLINE void store_some(f64x16 values, double *row, size_t count) {
  if (count == GROUP) {
    store(values, row);
  } else {
    store_first(values, row, count);
  }
}

/// Calls a function for each group of elements: `DO(i, n)` for n elements from i on, with a constant
/// n for all groups but the last.
#define FOR_GROUPS(count, DO)                      \
  do {                                             \
    size_t i = 0;                                  \
    for (; i + GROUP <= (count); i += GROUP) {     \
      DO(i, GROUP);                                \
    }                                              \
    if (i < (count)) DO(i, (count) - i);           \
  } while (0)

/// What is added to an element: nothing leaves it as it is, a negative zero included.
SINTER_INLINE f64x16 on_base(f64x16 change, f64x16 base) {
  return choose(change == 0, base, base + change);
}

SINTER_INLINE f64x16 sum_of_rows(
    const double *rows, size_t stride, const double *coefficients, size_t row_count, size_t n) {
  f64x16 sum = coefficients[0] * load_some(rows, n);
  for (size_t r = 1; r < row_count; r++) {
    sum += coefficients[r] * load_some(rows + r * stride, n);
  }
  return sum;
}

void SINTER_NAME(weighted_sum)(
    const double *rows, size_t stride, const double *coefficients, size_t row_count,
    double *restrict out, size_t count) {
#define DO(i, n) \
  store_some(sum_of_rows(rows + i, stride, coefficients, row_count, n), out + i, n)
  FOR_GROUPS(count, DO);
#undef DO
}

SINTER_INLINE f64x16 mean_of_rows(
    const double *rows, size_t stride, const double *coefficients, size_t row_count, size_t n) {
  f64x16 first = load_some(rows, n);
  f64x16 sum = coefficients[0] * first;
  i64x16 equal = -1;
  for (size_t r = 1; r < row_count; r++) {
    f64x16 values = load_some(rows + r * stride, n);
    sum += coefficients[r] * values;
    // By the difference, which is NaN for infinities.
    equal &= values - first == 0;
  }
  return choose(equal, first, sum);
}

void SINTER_NAME(weighted_mean)(
    const double *rows, size_t stride, const double *coefficients, size_t row_count,
    double *restrict out, size_t count) {
#define DO(i, n) \
  store_some(mean_of_rows(rows + i, stride, coefficients, row_count, n), out + i, n)
  FOR_GROUPS(count, DO);
#undef DO
}

void SINTER_NAME(add_weighted)(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, double *restrict out, size_t count) {
#define DO(i, n)                                                                         \
  store_some(                                                                            \
      on_base(                                                                           \
          sum_of_rows(rows + i, stride, coefficients, row_count, n), load_some(base + i, n)), \
      out + i, n)
  FOR_GROUPS(count, DO);
#undef DO
}

SINTER_INLINE f64x16 sum_of_changes(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, size_t n) {
  f64x16 origin = load_some(base, n);
  f64x16 sum = coefficients[0] * (load_some(rows, n) - origin);
  for (size_t r = 1; r < row_count; r++) {
    sum += coefficients[r] * (load_some(rows + r * stride, n) - origin);
  }
  return on_base(sum, origin);
}

void SINTER_NAME(add_weighted_changes)(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, double *restrict out, size_t count) {
#define DO(i, n)                                                                              \
  store_some(                                                                                 \
      sum_of_changes(base + i, rows + i, stride, coefficients, row_count, n), out + i, n)
  FOR_GROUPS(count, DO);
#undef DO
}
