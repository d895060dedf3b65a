// Sums of rows of BF16, rounded to BF16: what `weighted_sum` and its like make of the widened rows,
// and `narrow_bf16` of that, to the last bit, without any number of 64 bits.
//
// A sum in floats is off by a known multiple of the sum of its terms' magnitudes. Where both ends of
// the interval in which the exact sum lies round to the same number, that is the result; few sums lie
// so close to where rounding changes that they have to be computed in doubles.
// Source: Ziv, "Fast evaluation of elementary mathematical functions with correctly rounded last
// bit", ACM TOMS 17(3), 1991.

/// Two elements of BF16 stand in each word: groups are taken in pairs.
#define PAIR (2 * GROUP)
/// More than what underflow can take from any number of terms below 2^9, and so little that it rounds
/// to zero.
#define UNDERFLOW 0x1p-140f
/// Beyond it a sum may be infinite in BF16, or have been computed from what is not finite.
#define LARGEST_SIZE 0x1p127f
/// Coefficients out of this range are not rounded to floats.
#define LEAST_COEFFICIENT 0x1p-100
#define LARGEST_COEFFICIENT 0x1p100
/// The most rows that are summed up in floats.
#define FEW_TERMS 256
/// What is set in a difference of more than 16 significant bits.
#define LONG_CHANGE 0xff
/// Short coefficients are multiples of this, so that the smallest products are exact too.
#define LEAST_PLACE 0x1p-16

/// What is added up.
typedef struct {
  /// Row r begins `stride * r` elements after the first.
  const uint16_t *rows;
  size_t stride, row_count;
  const double *coefficients;
  /// What differences are taken from and added to, or null.
  const uint16_t *base;
  /// Whether an element that is the same in all rows stays as it is in the first.
  int keeps_equal;
} stored_sum;

/// One element.
SINTER_INLINE double widened_one(uint16_t bits) {
  uint32_t word = (uint32_t)bits << 16;
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

SINTER_INLINE f64x16 load_stored(const uint16_t *row) {
  return __builtin_convertvector(widened_bf16(*(const u16x16_memory *)row), f64x16);
}

/// The first elements of a row, at most a group, with zeros behind them.
SINTER_INLINE f64x16 load_stored_some(const uint16_t *row, size_t count) {
  if (count >= GROUP) return load_stored(row);
  uint16_t some[GROUP] = {0};
  for (size_t j = 0; j < count; j++) some[j] = row[j];
  return load_stored(some);
}

/// Whether all elements of a row are finite.
SINTER_INLINE int are_stored_finite(const uint16_t *row, size_t count) {
  i16x16 largest = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    i16x16 bits = (i16x16) * (const u16x16_memory *)(row + i);
    largest = __builtin_elementwise_max(largest, bits & (i16x16)0x7fff);
  }
  int finite = __builtin_reduce_max(largest) < 0x7f80;
  for (; i < count; i++) finite &= (row[i] & 0x7fff) < 0x7f80;
  return finite;
}

/// Rounds elements, at most a group, to their place. The largest magnitude of all results tells
/// whether they are right: none must be infinite or NaN.
SINTER_INLINE void store_rounded(f64x16 values, uint16_t *out, size_t count, i32x16 *largest) {
  f32x16 result = rounded_to_odd(values);
  *largest = __builtin_elementwise_max(*largest, (i32x16)result & 0x7fffffff);
  u16x16 bits = narrowed_bf16(result, 1);
  if (count >= GROUP) {
    *(u16x16_memory *)out = bits;
  } else {
    for (size_t j = 0; j < count; j++) out[j] = bits[j];
  }
}

/// Whether such a magnitude is that of finite results.
SINTER_INLINE int are_rounded(i32x16 largest) {
  return __builtin_reduce_max(largest) <= 0x7f7f7fff;
}

/// One group from an element on, in doubles.
SINTER_INLINE void sum_exactly(stored_sum sum, size_t i, uint16_t *out, i32x16 *largest) {
  f64x16 origin = 0, first = 0, total = 0;
  i64x16 equal = -1;
  if (sum.base) origin = load_stored(sum.base + i);
  for (size_t r = 0; r < sum.row_count; r++) {
    f64x16 values = load_stored(sum.rows + r * sum.stride + i);
    if (sum.base) values -= origin;
    f64x16 term = sum.coefficients[r] * values;
    total = r == 0 ? term : total + term;
    first = r == 0 ? values : first;
    if (sum.keeps_equal) equal &= values - first == 0;
  }
  if (sum.base) total = choose(total == 0, origin, origin + total);
  if (sum.keeps_equal) total = choose(equal, load_stored(sum.rows + i), total);
  store_rounded(total, out, GROUP, largest);
}

/// Whether a coefficient has so few significant bits, none of them far behind the point.
SINTER_INLINE int is_short(double coefficient, int bit_count) {
  uint64_t bits;
  __builtin_memcpy(&bits, &coefficient, sizeof bits);
  double places = coefficient / LEAST_PLACE;
  return (bits & ((1ull << (53 - bit_count)) - 1)) == 0 && __builtin_fabs(places) < 0x1p31 &&
         (double)(int32_t)places == places;
}

/// Coefficients in floats.
typedef struct {
  /// None, null, where they are too many or too large or small.
  const float *values;
  float rounded[FEW_TERMS];
  /// Whether products with them are exact as a rule, and ties common.
  int are_short;
  /// By what the sizes of terms are multiplied to give a bound of the error.
  float margin;
} float_terms;

SINTER_INLINE void round_coefficients(
    const double *coefficients, size_t count, int bit_count, float_terms *terms) {
  terms->values = count <= FEW_TERMS ? terms->rounded : 0;
  terms->are_short = 1;
  for (size_t r = 0; terms->values && r < count; r++) {
    double size = __builtin_fabs(coefficients[r]);
    terms->rounded[r] = (float)coefficients[r];
    terms->are_short &= is_short(coefficients[r], bit_count);
    if (size != 0 && !(size >= LEAST_COEFFICIENT && size <= LARGEST_COEFFICIENT)) {
      terms->values = 0;
    }
  }
  // A difference, a coefficient and a product are rounded, then sums of all terms and the base: at
  // most 2^-24 of the sizes each, of which twice as much is taken.
  terms->margin = (float)(count + 4) * 0x1p-23f;
}

/// Rounds sums that are off by at most the margin times the sizes of their terms. The bits behind the
/// upper half of each result do not matter. Returns the bits that are set where a result is doubtful.
SINTER_INLINE u32x16 round_nearly(f32x16 totals, f32x16 sizes, float margin, u32x16 *rounded) {
  f32x16 error = sizes * margin + UNDERFLOW;
  // Half a step is added to the magnitude, and the places behind the result are cut off. A tie would
  // go up at one end of the interval and down at the other.
  u32x16 low = (u32x16)(totals - error) + 0x8000;
  u32x16 high = (u32x16)(totals + error) + 0x8000;
  u32x16 bits = (u32x16)totals;
  *rounded = bits + 0x7fff + ((bits >> 16) & 1);
  return (low ^ high) & 0xffff0000u;
}

/// Bits that are set where sizes are so large that a result may be infinite, or NaN.
SINTER_INLINE u32x16 too_large(f32x16 sizes) {
  // The difference of such patterns is negative.
  u32x16 limit = (u32x16)(f32x16)LARGEST_SIZE;
  return (limit - (u32x16)sizes) & 0x80000000u;
}

/// Elements of a pair: those of even and those of odd index.
typedef struct {
  f32x16 half[2];
} float_pair;

SINTER_INLINE float_pair load_pair(const uint16_t *row) {
  u32x16 words = *(const u32x16_memory *)row;
  return (float_pair){{(f32x16)(words << 16), (f32x16)(words & 0xffff0000u)}};
}

/// Bits that are set in the lanes where two numbers and their sum are not exactly that. Of both
/// comparisons, the one that takes off the larger number tells.
/// Source: Dekker, "A floating-point technique for extending the available precision", 1971.
SINTER_INLINE u32x16 inexact(f32x16 sum, f32x16 first, f32x16 second) {
  return ((u32x16)(sum - first) ^ (u32x16)second) | ((u32x16)(sum - second) ^ (u32x16)first);
}

/// The lanes among the doubtful in which the sums in floats are not exact either. Coefficients are so
/// short that their products with elements, or with short differences, are exact.
SINTER_INLINE u32x16 still_doubtful(
    stored_sum sum, const float *coefficients, size_t i, const u32x16 doubts[2]) {
  float_pair origins = {0}, totals = {0};
  u32x16 left = 0;
  if (sum.base) origins = load_pair(sum.base + i);
  for (int half = 0; half < 2; half++) {
    u32x16 errors = 0;
    for (size_t r = 0; r < sum.row_count; r++) {
      f32x16 values = load_pair(sum.rows + r * sum.stride + i).half[half];
      f32x16 change = values;
      if (sum.base) {
        change = values - origins.half[half];
        errors |= inexact(change, values, -origins.half[half]) | ((u32x16)change & LONG_CHANGE);
      }
      f32x16 term = coefficients[r] * change;
      f32x16 next = r == 0 ? term : totals.half[half] + term;
      if (r > 0) errors |= inexact(next, totals.half[half], term);
      totals.half[half] = next;
    }
    if (sum.base) {
      f32x16 next = totals.half[half] + origins.half[half];
      errors |= inexact(next, totals.half[half], origins.half[half]);
      totals.half[half] = next;
    }
    // Zero has a sign to be found out.
    i32x16 certain = (errors == 0) & (totals.half[half] != 0);
    left |= doubts[half] & ~(u32x16)certain;
  }
  return left;
}

/// A pair of groups in floats. Returns whether all results are certain.
SINTER_INLINE int sum_nearly(
    stored_sum sum, const float_terms *terms, size_t i, uint16_t *out) {
  const float *coefficients = terms->values;
  float_pair totals, sizes, origins;
  if (sum.base) origins = load_pair(sum.base + i);
  for (size_t r = 0; r < sum.row_count; r++) {
    float_pair values = load_pair(sum.rows + r * sum.stride + i);
    for (int half = 0; half < 2; half++) {
      f32x16 change = values.half[half];
      if (sum.base) change -= origins.half[half];
      f32x16 term = coefficients[r] * change;
      f32x16 size = __builtin_elementwise_abs(term);
      totals.half[half] = r == 0 ? term : totals.half[half] + term;
      sizes.half[half] = r == 0 ? size : sizes.half[half] + size;
    }
  }
  u32x16 rounded[2], doubts[2], large = 0;
  for (int half = 0; half < 2; half++) {
    if (sum.base) {
      totals.half[half] += origins.half[half];
      sizes.half[half] += __builtin_elementwise_abs(origins.half[half]);
    }
    doubts[half] = round_nearly(
        totals.half[half], sizes.half[half], terms->margin, &rounded[half]);
    large |= too_large(sizes.half[half]);
  }
  if (__builtin_reduce_or(doubts[0] | doubts[1] | large) != 0) {
    // Where halves and quarters are added, ties are common, and exact.
    if (!terms->are_short || __builtin_reduce_or(large) != 0) return 0;
    if (__builtin_reduce_or(still_doubtful(sum, coefficients, i, doubts)) != 0) return 0;
  }
  *(u32x16_memory *)out = (rounded[0] >> 16) | (rounded[1] & 0xffff0000u);
  return 1;
}

/// All elements; always inlined with what is constant of the sum. Returns whether all results are
/// finite.
SINTER_INLINE int sum_all(
    stored_sum sum, const float_terms *terms, uint16_t *out, size_t count) {
  i32x16 largest = 0;
  for (size_t i = 0; i < count; i += PAIR) {
    // The last pair reaches back to elements that are done already, which come out the same.
    if (i > count - PAIR) i = count - PAIR;
    if (terms->values && sum_nearly(sum, terms, i, out + i)) continue;
    sum_exactly(sum, i, out + i, &largest);
    sum_exactly(sum, i + GROUP, out + i + GROUP, &largest);
  }
  return are_rounded(largest);
}

int SINTER_NAME(sum_bf16)(
    const uint16_t *rows, size_t stride, const double *coefficients, size_t row_count,
    const uint16_t *base, int keeps_equal, uint16_t *restrict out, size_t count) {
  if (count < PAIR) return 0;
  stored_sum sum = {rows, stride, row_count, coefficients, base, keeps_equal};
  float_terms terms;
  round_coefficients(coefficients, row_count, base ? 8 : 16, &terms);
#define SUM_ROWS(n)                                 \
  do {                                              \
    sum.row_count = n;                              \
    if (base) return sum_all(sum, &terms, out, count); \
    sum.base = 0;                                   \
    return sum_all(sum, &terms, out, count);        \
  } while (0)
  switch (row_count) {
    case 2: SUM_ROWS(2);
    case 3: SUM_ROWS(3);
    case 4: SUM_ROWS(4);
    default: SUM_ROWS(row_count);
  }
#undef SUM_ROWS
}

// MARK: Products of pairs

/// Elements of a row, or their differences from a base that is not null.
SINTER_INLINE f64x16 stored_changes(const uint16_t *row, const uint16_t *base, size_t count) {
  f64x16 values = load_stored_some(row, count);
  return base ? values - load_stored_some(base, count) : values;
}

/// The products of all pairs of a few rows, lane by lane as `add_triangle` has them.
SINTER_INLINE int add_stored_products(
    const uint16_t *rows, size_t stride, int row_count, const uint16_t *base, size_t count,
    double *sums) {
  f64x16 lanes[SINTER_FEW_STORED * (SINTER_FEW_STORED + 1) / 2] = {0};
  double totals[SINTER_FEW_STORED * (SINTER_FEW_STORED + 1) / 2];
  size_t i = 0;
#define ADD(n)                                                                    \
  do {                                                                            \
    f64x16 values[SINTER_FEW_STORED];                                             \
    for (int r = 0; r < row_count; r++) {                                         \
      const uint16_t *row = rows + (size_t)r * stride + i;                        \
      values[r] = stored_changes(row, base ? base + i : base, n);                 \
    }                                                                             \
    for (int r = 0, k = 0; r < row_count; r++) {                                  \
      for (int s = r; s < row_count; s++, k++) lanes[k] += values[r] * values[s]; \
    }                                                                             \
  } while (0)
  for (; i + GROUP <= count; i += GROUP) ADD(GROUP);
  if (i < count) ADD(count - i);
#undef ADD
  int pairs = row_count * (row_count + 1) / 2, finite = 1;
  for (int k = 0; k < pairs; k++) {
    totals[k] = total(lanes[k]);
    finite &= __builtin_isfinite(totals[k]);
  }
  for (int k = 0; finite && k < pairs; k++) sums[k] += totals[k];
  return finite;
}

int SINTER_NAME(add_products_bf16)(
    const uint16_t *rows, size_t stride, size_t row_count, const uint16_t *base, size_t count,
    double *sums) {
#define ADD_ROWS(n)                                                          \
  return base ? add_stored_products(rows, stride, n, base, count, sums)      \
              : add_stored_products(rows, stride, n, 0, count, sums)
  switch (row_count) {
    case 1: ADD_ROWS(1);
    case 2: ADD_ROWS(2);
    case 3: ADD_ROWS(3);
    default: return 0;
  }
#undef ADD_ROWS
}
