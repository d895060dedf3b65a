SINTER_INLINE double total(f64x16 lanes) {
  f64x8 eight = lanes.lo + lanes.hi;
  f64x4 four = eight.lo + eight.hi;
  f64x2 two = four.lo + four.hi;
  return two.x + two.y;
}

SINTER_INLINE f64x16 magnitude(f64x16 values) { return __builtin_elementwise_abs(values); }

// The zeros behind the elements of the last group change no lane: lanes are never -0.

double SINTER_NAME(sum)(const double *row, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) lanes += load(row + i);
  if (i < count) lanes += load_first(row + i, count - i);
  return total(lanes);
}

double SINTER_NAME(sum_of_absolutes)(const double *row, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) lanes += magnitude(load(row + i));
  if (i < count) lanes += magnitude(load_first(row + i, count - i));
  return total(lanes);
}

double SINTER_NAME(dot)(const double *first, const double *second, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) lanes += load(first + i) * load(second + i);
  if (i < count) lanes += load_first(first + i, count - i) * load_first(second + i, count - i);
  return total(lanes);
}

/// Several dot products with one row, whose lanes all stay in registers.
SINTER_INLINE void add_few_dots(
    const double *first, const double *rows, size_t stride, int row_count, size_t count,
    double *sums) {
  f64x16 lanes[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    f64x16 values = load(first + i);
    for (int r = 0; r < row_count; r++) lanes[r] += values * load(rows + r * stride + i);
  }
  if (i < count) {
    f64x16 values = load_first(first + i, count - i);
    for (int r = 0; r < row_count; r++) {
      lanes[r] += values * load_first(rows + r * stride + i, count - i);
    }
  }
  for (int r = 0; r < row_count; r++) sums[r] += total(lanes[r]);
}

void SINTER_NAME(add_dots)(
    const double *first, const double *rows, size_t stride, size_t row_count, size_t count,
    double *sums) {
  size_t r = 0;
#if SINTER_WORDS >= 8
  for (; r + 4 <= row_count; r += 4) {
    add_few_dots(first, rows + r * stride, stride, 4, count, sums + r);
  }
  if (r + 3 <= row_count) {
    add_few_dots(first, rows + r * stride, stride, 3, count, sums + r);
    r += 3;
  }
#endif
#if SINTER_WORDS >= 4
  for (; r + 2 <= row_count; r += 2) {
    add_few_dots(first, rows + r * stride, stride, 2, count, sums + r);
  }
#endif
  for (; r < row_count; r++) {
    add_few_dots(first, rows + r * stride, stride, 1, count, sums + r);
  }
}

double SINTER_NAME(largest_magnitude)(const double *row, size_t count) {
  f64x16 lanes = 0;
  i64x16 unordered = 0;
  size_t i = 0;
  for (; i < count; i += GROUP) {
    f64x16 values = i + GROUP <= count ? load(row + i) : load_first(row + i, count - i);
    values = magnitude(values);
    lanes = choose(values > lanes, values, lanes);
    unordered |= values != values;
  }
  double largest = 0;
  int64_t any = 0;
  for (int j = 0; j < GROUP; j++) {
    largest = lanes[j] > largest ? lanes[j] : largest;
    any |= unordered[j];
  }
  return any ? __builtin_nan("") : largest;
}

size_t SINTER_NAME(count_nonfinite)(const double *row, size_t count) {
  i32x16 found = 0;
  uint64_t infinity = 0x7ffull << 52;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    u64x16 bits = (u64x16)magnitude(load(row + i));
    found += __builtin_convertvector(bits >= infinity, i32x16);
  }
  if (i < count) {
    u64x16 bits = (u64x16)magnitude(load_first(row + i, count - i));
    found += __builtin_convertvector(bits >= infinity, i32x16);
  }
  return count_lanes(found);
}

size_t SINTER_NAME(count_positive)(const double *row, size_t count) {
  i32x16 found = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    found += __builtin_convertvector(load(row + i) > 0, i32x16);
  }
  if (i < count) {
    found += __builtin_convertvector(load_first(row + i, count - i) > 0, i32x16);
  }
  return count_lanes(found);
}

int SINTER_NAME(is_equal)(const double *first, const double *second, size_t count) {
  size_t i = 0;
  // In pieces: a difference mostly shows in the first of them.
  while (i + GROUP <= count) {
    size_t end = i + 16 * GROUP < count ? i + 16 * GROUP : count;
    i64x16 differ = 0;
    for (; i + GROUP <= end; i += GROUP) differ |= load(first + i) != load(second + i);
    int64_t any = 0;
    for (int j = 0; j < GROUP; j++) any |= differ[j];
    if (any) return 0;
  }
  for (; i < count; i++) {
    if (first[i] != second[i]) return 0;
  }
  return 1;
}
