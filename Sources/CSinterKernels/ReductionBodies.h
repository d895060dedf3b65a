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

double SINTER_NAME(squares_f32)(const float *row, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    f64x16 values = __builtin_convertvector(*(const f32x16_memory *)(row + i), f64x16);
    lanes += values * values;
  }
  if (i < count) {
    double rest[GROUP] = {0};
    for (size_t j = 0; i + j < count; j++) rest[j] = row[i + j];
    lanes += load(rest) * load(rest);
  }
  return total(lanes);
}

// How many rows can be multiplied with each other, or with one more, while all sums stay in
// registers.
#if SINTER_WORDS >= 8
#define FEW_ROWS 3
#define FEW_PARTNERS 4
#elif SINTER_WORDS >= 4
#define FEW_ROWS 2
#define FEW_PARTNERS 2
#else
#define FEW_ROWS 1
#define FEW_PARTNERS 1
#endif

/// Elements of a row, or their differences from a base that is not null.
SINTER_INLINE f64x16 changes(const double *row, const double *base, size_t count) {
  f64x16 values = load_some(row, count);
  return base ? values - load_some(base, count) : values;
}

double SINTER_NAME(sum_of_absolute_differences)(
    const double *row, const double *base, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) lanes += magnitude(changes(row + i, base + i, GROUP));
  if (i < count) lanes += magnitude(changes(row + i, base + i, count - i));
  return total(lanes);
}

/// The products of all pairs of a few rows.
SINTER_INLINE void add_triangle(
    const double *rows, size_t stride, int row_count, const double *base, size_t count,
    double *sums) {
  f64x16 lanes[FEW_ROWS * (FEW_ROWS + 1) / 2] = {0};
  size_t i = 0;
#define ADD(n)                                                                              \
  do {                                                                                      \
    f64x16 values[FEW_ROWS];                                                                \
    for (int r = 0; r < row_count; r++) {                                                   \
      values[r] = changes(rows + r * stride + i, base ? base + i : base, n);                \
    }                                                                                       \
    for (int r = 0, k = 0; r < row_count; r++) {                                            \
      for (int s = r; s < row_count; s++, k++) lanes[k] += values[r] * values[s];           \
    }                                                                                       \
  } while (0)
  for (; i + GROUP <= count; i += GROUP) ADD(GROUP);
  if (i < count) ADD(count - i);
#undef ADD
  for (int k = 0; k < row_count * (row_count + 1) / 2; k++) sums[k] += total(lanes[k]);
}

/// The products of one row with a few.
SINTER_INLINE void add_few(
    const double *first, const double *rows, size_t stride, int row_count, const double *base,
    size_t count, double *sums) {
  f64x16 lanes[FEW_PARTNERS] = {0};
  size_t i = 0;
#define ADD(n)                                                                              \
  do {                                                                                      \
    const double *origin = base ? base + i : base;                                          \
    f64x16 values = changes(first + i, origin, n);                                          \
    for (int r = 0; r < row_count; r++) {                                                   \
      lanes[r] += values * changes(rows + r * stride + i, origin, n);                       \
    }                                                                                       \
  } while (0)
  for (; i + GROUP <= count; i += GROUP) ADD(GROUP);
  if (i < count) ADD(count - i);
#undef ADD
  for (int r = 0; r < row_count; r++) sums[r] += total(lanes[r]);
}

SINTER_INLINE void add_all(
    const double *rows, size_t stride, size_t row_count, const double *base, size_t count,
    double *sums) {
  if (row_count == 1) {
    add_triangle(rows, stride, 1, base, count, sums);
    return;
  }
#if FEW_ROWS >= 2
  if (row_count == 2) {
    add_triangle(rows, stride, 2, base, count, sums);
    return;
  }
#endif
#if FEW_ROWS >= 3
  if (row_count == 3) {
    add_triangle(rows, stride, 3, base, count, sums);
    return;
  }
#endif
  for (size_t r = 0; r < row_count; r++) {
    const double *first = rows + r * stride;
    size_t s = r;
    for (; s + FEW_PARTNERS <= row_count; s += FEW_PARTNERS) {
      add_few(first, rows + s * stride, stride, FEW_PARTNERS, base, count, sums);
      sums += FEW_PARTNERS;
    }
    for (; s < row_count; s++) add_few(first, rows + s * stride, stride, 1, base, count, sums++);
  }
}

void SINTER_NAME(add_products)(
    const double *rows, size_t stride, size_t row_count, const double *base, size_t count,
    double *sums) {
  if (base) {
    add_all(rows, stride, row_count, base, count, sums);
  } else {
    add_all(rows, stride, row_count, 0, count, sums);
  }
}

double SINTER_NAME(squares_of_changes)(
    const double *row, const double *base, const double *selectors, size_t count) {
  f64x16 lanes = 0;
  size_t i = 0;
#define ADD(n)                                                                              \
  do {                                                                                      \
    f64x16 values = changes(row + i, base + i, n);                                          \
    if (selectors) values = choose(load_some(selectors + i, n) > 0, values, 0);             \
    lanes += values * values;                                                               \
  } while (0)
  for (; i + GROUP <= count; i += GROUP) ADD(GROUP);
  if (i < count) ADD(count - i);
#undef ADD
  return total(lanes);
}

void SINTER_NAME(squares_and_changes)(
    const double *row, const double *other, size_t count, double *sums) {
  f64x16 squares = 0, moved = 0;
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    f64x16 values = load(row + i), difference = load(other + i) - values;
    squares += values * values;
    moved += difference * difference;
  }
  if (i < count) {
    f64x16 values = load_first(row + i, count - i);
    f64x16 difference = load_first(other + i, count - i) - values;
    squares += values * values;
    moved += difference * difference;
  }
  sums[0] = total(squares);
  sums[1] = total(moved);
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
