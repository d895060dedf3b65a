// Simple loops, which the compiler turns into vector code by itself.

void SINTER_NAME(subtract)(double *restrict row, const double *restrict other, size_t count) {
  for (size_t i = 0; i < count; i++) row[i] -= other[i];
}

void SINTER_NAME(mark_nonzero)(const double *row, uint16_t *marks, size_t count) {
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) *marks++ = marks_of64(load(row + i) != 0);
  if (i < count) *marks = marks_of64(load_first(row + i, count - i) != 0);
}

void SINTER_NAME(subtract_marked)(
    double *row, const double *other, const uint16_t *marks, size_t count) {
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    i64x16 mask = lanes_of(*marks++);
    store((f64x16)((i64x16)(load(row + i) - load(other + i)) & mask), row + i);
  }
  for (size_t lane = 0; i < count; i++, lane++) {
    row[i] = *marks >> lane & 1 ? row[i] - other[i] : 0;
  }
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
    double a, const double *x, double b, const double *y, double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double sum = a * x[i] + b * y[i], first = x[i];
    out[i] = x[i] == y[i] ? first : sum;
  }
}

void SINTER_NAME(combine_changes)(
    double a, const double *x, double b, const double *y, const double *base,
    double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double origin = base[i];
    double change = a * (x[i] - origin) + b * (y[i] - origin);
    double sum = origin + change;
    out[i] = change == 0 ? origin : sum;
  }
}

void SINTER_NAME(combine_changes_unless_equal)(
    double a, const double *x, double b, const double *y, const double *base,
    double *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double origin = base[i], first = x[i];
    double one = first - origin, other = y[i] - origin;
    double change = a * one + b * other;
    double sum = origin + change;
    sum = change == 0 ? origin : sum;
    out[i] = one == other ? first : sum;
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

/// Stores `VALUES(i, n, r)` for each group of elements: n elements from i on, of r rows. The counts
/// are constants, for which the compiler keeps all in registers, but for many rows and in the end.
#define STORE_GROUPS(VALUES)                                                         \
  do {                                                                               \
    size_t i = 0;                                                                    \
    switch (row_count) {                                                             \
      case 2: STORE_WHOLE_GROUPS(VALUES, 2); break;                                  \
      case 3: STORE_WHOLE_GROUPS(VALUES, 3); break;                                  \
      case 4: STORE_WHOLE_GROUPS(VALUES, 4); break;                                  \
      default: STORE_WHOLE_GROUPS(VALUES, row_count);                                \
    }                                                                                \
    if (i < count) store_first(VALUES(i, count - i, row_count), out + i, count - i); \
  } while (0)
#define STORE_WHOLE_GROUPS(VALUES, r) \
  for (; i + GROUP <= count; i += GROUP) store(VALUES(i, GROUP, r), out + i)

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
#define VALUES(i, n, r) sum_of_rows(rows + i, stride, coefficients, r, n)
  STORE_GROUPS(VALUES);
#undef VALUES
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
#define VALUES(i, n, r) mean_of_rows(rows + i, stride, coefficients, r, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}

void SINTER_NAME(add_weighted)(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, double *restrict out, size_t count) {
#define VALUES(i, n, r) \
  on_base(sum_of_rows(rows + i, stride, coefficients, r, n), load_some(base + i, n))
  STORE_GROUPS(VALUES);
#undef VALUES
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
#define VALUES(i, n, r) sum_of_changes(base + i, rows + i, stride, coefficients, r, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}

SINTER_INLINE f64x16 squared_differences(
    const double *rows, size_t stride, size_t row_count, size_t n) {
  f64x16 sum = 0;
  for (size_t r = 0; r < row_count; r++) {
    f64x16 values = load_some(rows + r * stride, n);
    for (size_t s = r + 1; s < row_count; s++) {
      f64x16 difference = values - load_some(rows + s * stride, n);
      sum += difference * difference;
    }
  }
  return choose(sum >= 0, sum, __builtin_inf());
}

void SINTER_NAME(sum_of_squared_differences)(
    const double *rows, size_t stride, size_t row_count, double *restrict out, size_t count) {
#define VALUES(i, n, r) squared_differences(rows + i, stride, r, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}

SINTER_INLINE f64x16 majority(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, const double *selectors, size_t n) {
  f64x16 origin = load_some(base, n);
  i64x16 selected = -1;
  if (selectors) selected = load_some(selectors, n) > 0;
  f64x16 sum = 0;
  for (size_t r = 0; r < row_count; r++) {
    sum += choose(selected, load_some(rows + r * stride, n) - origin, 0);
  }
  // A sum of zero counts as positive.
  f64x16 sign = choose(sum >= 0, 1, -1);
  f64x16 mix = 0, divisor = 0;
  for (size_t r = 0; r < row_count; r++) {
    f64x16 change = choose(selected, load_some(rows + r * stride, n) - origin, 0);
    // Asks who disagrees: NaN does not, so that it cannot vanish.
    change = choose(change * sign <= 0, 0, change);
    mix += coefficients[r] * change;
    divisor += choose(change != 0, coefficients[r], 0);
  }
  return on_base(mix / choose(divisor > 0, divisor, 1), origin);
}

/// The difference of elements from a base where it counts.
SINTER_INLINE f64x16 active(const double *row, f64x16 origin, double epsilon, size_t n) {
  f64x16 change = load_some(row, n) - origin;
  // Asks what is dropped: for NaN the answer is no.
  return choose(magnitude(change) <= epsilon, 0, change);
}

SINTER_INLINE f64x16 active_sum(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, double epsilon, size_t n) {
  f64x16 origin = load_some(base, n);
  f64x16 found = 0;
  for (size_t r = 0; r < row_count; r++) {
    found += choose(active(rows + r * stride, origin, epsilon, n) != 0, 1, 0);
  }
  f64x16 sum = 0;
  for (size_t r = 0; r < row_count; r++) {
    f64x16 change = active(rows + r * stride, origin, epsilon, n);
    sum += choose(found == 1, coefficients[r] * change, change);
  }
  return on_base(sum / choose(found > 1, found, 1), origin);
}

void SINTER_NAME(add_active)(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, double epsilon, double *restrict out, size_t count) {
#define VALUES(i, n, r) active_sum(base + i, rows + i, stride, coefficients, r, epsilon, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}
