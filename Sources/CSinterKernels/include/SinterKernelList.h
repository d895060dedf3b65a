// The list of kernels, to be included with a definition of KERNEL(type, name, parameters, arguments).
// No include guard: each inclusion makes something else of the list.

// MARK: Conversion
//
// Little-endian elements, aligned to their size, to and from Double. Widening is exact; narrowing
// rounds once, to nearest and ties to even. Both return how many of the elements are not finite.

KERNEL(size_t, widen_f64, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, widen_f32, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, widen_bf16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, widen_f16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, widen_e4m3, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, widen_e5m2, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, narrow_f64, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f32, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_bf16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e4m3, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e5m2, (const double *row, void *bytes, size_t count), (row, bytes, count))

// MARK: Reduction
//
// Sums are kept in sixteen lanes: lane j adds up the elements whose index leaves the remainder j,
// from the lowest index to the highest. Then lane j takes in lane j + 8, then j + 4, j + 2, j + 1.

KERNEL(double, sum, (const double *row, size_t count), (row, count))
KERNEL(double, sum_of_absolutes, (const double *row, size_t count), (row, count))
KERNEL(
    double, sum_of_absolute_differences, (const double *row, const double *base, size_t count),
    (row, base, count))
KERNEL(
    double, dot, (const double *first, const double *second, size_t count), (first, second, count))
/// The sum of the squares of floats.
KERNEL(double, squares_f32, (const float *row, size_t count), (row, count))
/// The dot products of all pairs of rows, or of their differences from a base that is not null, are
/// added to `sums`: the upper triangle of the matrix, row after row. Row r begins `stride * r`
/// elements after the first.
KERNEL(
    void, add_products,
    (const double *rows, size_t stride, size_t row_count, const double *base, size_t count,
     double *sums),
    (rows, stride, row_count, base, count, sums))
/// The sum of the squares of row - base, of those elements whose selector is above zero if there are
/// selectors.
KERNEL(
    double, squares_of_changes,
    (const double *row, const double *base, const double *selectors, size_t count),
    (row, base, selectors, count))
/// The sums of the squares of row and of other - row, put into `sums` in this order.
KERNEL(
    void, squares_and_changes, (const double *row, const double *other, size_t count, double *sums),
    (row, other, count, sums))
/// The largest magnitude; 0 for no elements, NaN when any element is NaN.
KERNEL(double, largest_magnitude, (const double *row, size_t count), (row, count))
/// The number of elements that are NaN or infinite.
KERNEL(size_t, count_nonfinite, (const double *row, size_t count), (row, count))
/// Whether all elements are equal, 0 or 1; NaN equals nothing.
KERNEL(
    int, is_equal, (const double *first, const double *second, size_t count),
    (first, second, count))

// MARK: Random bits
//
// Philox4x32-10 with the seed as its key: element `index` is word `index % 4` of the block of the
// counter (index / 4, stream).

KERNEL(
    void, random_words,
    (uint64_t seed, uint64_t stream, uint64_t index, uint32_t *words, size_t count),
    (seed, stream, index, words, count))
/// row -= base if there is one; then the elements become +0 whose bits are not below the limit.
KERNEL(
    void, drop,
    (uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, double *row,
     const double *base, size_t count),
    (seed, stream, index, limit, row, base, count))
/// The sums of absolutes of row - base, of all elements and of those whose bits are below the limit.
/// Unless `marks` is null, it gets a bit for each of the latter, of sixteen elements the first lowest.
KERNEL(
    void, sums_of_kept,
    (uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, const double *row,
     const double *base, uint16_t *marks, size_t count, double *all, double *some),
    (seed, stream, index, limit, row, base, marks, count, all, some))

/// Thins out vectors of 2 to 65,535 elements that lie one after the other. The element that comes at
/// place p in the order of magnitudes, of equal ones that of lower index first, is kept when its bits
/// are below (low + width * ((length - 1 - p) / (length - 1))) * 2^32, rounded. Needs 30 bytes of
/// scratch for each element of a vector and 2,304 more, aligned to 8. Does nothing and returns 0
/// where a threshold is 0, or 2^32 - 2^16 or above, or width is below 0; else 1.
KERNEL(
    int, drop_ranked,
    (uint64_t seed, uint64_t stream, uint64_t index, double low, double width, double *row,
     size_t length, size_t vector_count, void *scratch),
    (seed, stream, index, low, width, row, length, vector_count, scratch))
/// The sums of absolutes of row - base, of all elements and of those that drop_ranked would keep. The
/// marks get a bit for each of the latter that is not zero, of sixteen elements the first lowest.
/// The length is a multiple of 16; 8 bytes more of scratch for each element. Returns the same.
KERNEL(
    int, sums_of_ranked,
    (uint64_t seed, uint64_t stream, uint64_t index, double low, double width, const double *row,
     const double *base, uint16_t *marks, size_t length, size_t vector_count, void *scratch,
     double *all, double *some),
    (seed, stream, index, low, width, row, base, marks, length, vector_count, scratch, all, some))

// MARK: Arithmetic of rows

/// row -= other
KERNEL(void, subtract, (double *row, const double *other, size_t count), (row, other, count))
/// Of each 16 elements one number whose bits tell, from the lowest on, which of them are not zero.
KERNEL(void, mark_nonzero, (const double *row, uint16_t *marks, size_t count), (row, marks, count))
/// row = row - other where such a bit is set, and +0 elsewhere
KERNEL(
    void, subtract_marked,
    (double *row, const double *other, const uint16_t *marks, size_t count),
    (row, other, marks, count))
/// row *= factor
KERNEL(void, multiply, (double *row, double factor, size_t count), (row, factor, count))
/// row += factor * other
KERNEL(
    void, add_product, (double *row, double factor, const double *other, size_t count),
    (row, factor, other, count))
/// row = row == 0 ? base : base + row
KERNEL(void, add_base, (double *row, const double *base, size_t count), (row, base, count))
/// out = a * x + b * y
KERNEL(
    void, combine,
    (double a, const double *x, double b, const double *y, double *out, size_t count),
    (a, x, b, y, out, count))
/// out = x == y ? x : a * x + b * y
KERNEL(
    void, combine_unless_equal,
    (double a, const double *x, double b, const double *y, double *out, size_t count),
    (a, x, b, y, out, count))
/// out = base + (a * (x - base) + b * (y - base)), and base where nothing is added
KERNEL(
    void, combine_changes,
    (double a, const double *x, double b, const double *y, const double *base, double *out,
     size_t count),
    (a, x, b, y, base, out, count))
/// The same, but x where both differences are equal.
KERNEL(
    void, combine_changes_unless_equal,
    (double a, const double *x, double b, const double *y, const double *base, double *out,
     size_t count),
    (a, x, b, y, base, out, count))
/// out = x where it is at most t from the base, else the base moved by t towards x
KERNEL(
    void, approach, (const double *base, const double *x, double t, double *out, size_t count),
    (base, x, t, out, count))

// MARK: Sums over the rows of a tile
//
// Row r begins `stride * r` elements after the first. Each element adds up the rows in their order:
// ((c0 * x0) + c1 * x1) + ...

/// out = Σ c * x
KERNEL(
    void, weighted_sum,
    (const double *rows, size_t stride, const double *coefficients, size_t row_count, double *out,
     size_t count),
    (rows, stride, coefficients, row_count, out, count))
/// The same, but x0 where all rows have the same finite number.
KERNEL(
    void, weighted_mean,
    (const double *rows, size_t stride, const double *coefficients, size_t row_count, double *out,
     size_t count),
    (rows, stride, coefficients, row_count, out, count))
/// out = base + Σ c * x, and base where nothing is added
KERNEL(
    void, add_weighted,
    (const double *base, const double *rows, size_t stride, const double *coefficients,
     size_t row_count, double *out, size_t count),
    (base, rows, stride, coefficients, row_count, out, count))
/// out = base + Σ c * (x - base), and base where nothing is added
KERNEL(
    void, add_weighted_changes,
    (const double *base, const double *rows, size_t stride, const double *coefficients,
     size_t row_count, double *out, size_t count),
    (base, rows, stride, coefficients, row_count, out, count))
/// out = Σ (x - y)^2 over all pairs of rows, infinity where that is NaN
KERNEL(
    void, sum_of_squared_differences,
    (const double *rows, size_t stride, size_t row_count, double *out, size_t count),
    (rows, stride, row_count, out, count))
/// With d = x - base, or 0 where there are selectors and one is not above zero:
/// s = Σ d >= 0 ? 1 : -1; e = d * s <= 0 ? 0 : d; w = Σ c over e != 0
/// out = base + Σ c * e / (w > 0 ? w : 1), and base where nothing is added
KERNEL(
    void, add_majority,
    (const double *base, const double *rows, size_t stride, const double *coefficients,
     size_t row_count, const double *selectors, double *out, size_t count),
    (base, rows, stride, coefficients, row_count, selectors, out, count))
/// With d = x - base, or 0 where its magnitude is at most epsilon, and n = the number of d != 0:
/// out = base + Σ (n == 1 ? c * d : d) / max(n, 1), and base where nothing is added
KERNEL(
    void, add_active,
    (const double *base, const double *rows, size_t stride, const double *coefficients,
     size_t row_count, double epsilon, double *out, size_t count),
    (base, rows, stride, coefficients, row_count, epsilon, out, count))

// MARK: Selection
//
// A key is the pattern of a number under a mask, compared without a sign. With a base (null for
// none) the numbers are the differences from it.

/// Looks for the keys of one bracket, or of two at once, and fills in what is found. Each has room for
/// `count` keys.
KERNEL(
    void, select_keys,
    (const double *row, const double *base, size_t count, uint64_t mask,
     sinter_selection *selections, int selection_count),
    (row, base, count, mask, selections, selection_count))
/// Counts keys from low on in bins of 1 << shift keys each: the number, the least and the greatest.
KERNEL(
    void, count_bins,
    (const uint64_t *keys, size_t count, uint64_t low, int shift, uint64_t *bins, size_t bin_count),
    (keys, count, low, shift, bins, bin_count))
/// x = x - base, and then x = 0 where |x| is below the threshold, or equal to it and not inclusive
KERNEL(
    void, keep_from,
    (double *row, const double *base, size_t count, double threshold, int is_inclusive),
    (row, base, count, threshold, is_inclusive))
/// x = 0 where |x| is above the threshold, or equal to it and inclusive
KERNEL(
    void, drop_from, (double *row, size_t count, double threshold, int is_inclusive),
    (row, count, threshold, is_inclusive))

// MARK: Task vectors

/// out = base + lambda * mix / divisor, where mix is the sum of the weighted task vectors that agree
/// with the elected sign, and divisor the sum of their shares; base where nothing is added.
KERNEL(
    void, merge_by_vote,
    (sinter_task_vectors vectors, const sinter_vote *votes, sinter_election election, double *out,
     size_t count),
    (vectors, votes, election, out, count))
/// out = base + Σ c * d of at least one task vector, and base where nothing is added
KERNEL(
    void, add_task_vectors,
    (sinter_task_vectors vectors, const double *coefficients, double *out, size_t count),
    (vectors, coefficients, out, count))

// MARK: Rows as they are stored
//
// Rows of BF16, finite as a rule: what the loops over widened rows would give, to the last bit.

/// out = Σ c * x, or base + Σ c * (x - base) with a base that is not null (and base where nothing is
/// added), rounded to nearest and ties to even; with keeps_equal x0 where all x are the same, for
/// coefficients that sum to 1 but for rounding. Returns 0 when a number or a result is not finite, or
/// there are fewer than 32 elements; then out is undefined. Else 1.
KERNEL(
    int, sum_bf16,
    (const uint16_t *rows, size_t stride, const double *coefficients, size_t row_count,
     const uint16_t *base, int keeps_equal, uint16_t *out, size_t count),
    (rows, stride, coefficients, row_count, base, keeps_equal, out, count))
/// What `merge_by_vote` and `add_task_vectors` give for stored rows with bounds or marks, rounded.
/// They return 0 when a number or a result is not finite; then out is undefined. Else 1.
KERNEL(
    int, merge_by_vote_bf16,
    (sinter_task_vectors vectors, const sinter_vote *votes, sinter_election election, uint16_t *out,
     size_t count),
    (vectors, votes, election, out, count))
KERNEL(
    int, add_task_vectors_bf16,
    (sinter_task_vectors vectors, const double *coefficients, uint16_t *out, size_t count),
    (vectors, coefficients, out, count))
/// What `select_keys` finds of differences under a mask that takes away the sign; all numbers are
/// finite.
KERNEL(
    void, select_changes_bf16,
    (const uint16_t *row, const uint16_t *base, size_t count, sinter_selection *selections,
     int selection_count),
    (row, base, count, selections, selection_count))
/// Whether all numbers are finite, 0 or 1.
KERNEL(int, is_finite_bf16, (const uint16_t *row, size_t count), (row, count))
/// What `sums_of_kept` gives. Returns 0 when a number is not finite, or the index is not a multiple of
/// 4; then nothing of it counts. Else 1.
KERNEL(
    int, sums_of_kept_bf16,
    (uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, const uint16_t *row,
     const uint16_t *base, uint16_t *marks, size_t count, double *all, double *some),
    (seed, stream, index, limit, row, base, marks, count, all, some))
/// What `add_products` adds, for SINTER_FEW_STORED rows at most. Returns 0 and adds nothing when a
/// number is not finite, else 1.
KERNEL(
    int, add_products_bf16,
    (const uint16_t *rows, size_t stride, size_t row_count, const uint16_t *base, size_t count,
     double *sums),
    (rows, stride, row_count, base, count, sums))

// MARK: Products of low rank
//
// target[i, j] = source[i, j] + (coefficient + coefficients[j]) · Σ left[i · rank + k] ·
// right[k · stride + j], for i in rows, k in rank and j in count, each sum from zero on and in the
// order of k. Row i of source and target begins at i · target_stride; they may be the same. Without
// coefficients (null) they count as zeros. The scratch has room for SINTER_LOW_RANK_ROWS · rank
// numbers.

KERNEL(
    void, add_low_rank_f32,
    (const float *left, const float *right, size_t rank, size_t stride, double coefficient,
     const double *coefficients, const double *source, double *target, size_t target_stride,
     size_t rows, size_t count, double *scratch),
    (left, right, rank, stride, coefficient, coefficients, source, target, target_stride, rows,
     count, scratch))
KERNEL(
    void, add_low_rank_f64,
    (const double *left, const double *right, size_t rank, size_t stride, double coefficient,
     const double *coefficients, const double *source, double *target, size_t target_stride,
     size_t rows, size_t count, double *scratch),
    (left, right, rank, stride, coefficient, coefficients, source, target, target_stride, rows,
     count, scratch))

// MARK: Matrices

/// target += left * right. Element (i, k) of left stands at i * row_stride + k * column_stride; the
/// rows of right and target are contiguous. Sums over k are taken in blocks of 64 terms, each from
/// zero and in order, and added in order.
KERNEL(
    void, add_product_f32,
    (const float *left, size_t row_stride, size_t column_stride, const float *right,
     size_t right_stride, float *target, size_t target_stride, size_t rows, size_t inner,
     size_t columns),
    (left, row_stride, column_stride, right, right_stride, target, target_stride, rows, inner,
     columns))
KERNEL(
    void, add_product_f64,
    (const double *left, size_t row_stride, size_t column_stride, const double *right,
     size_t right_stride, double *target, size_t target_stride, size_t rows, size_t inner,
     size_t columns),
    (left, row_stride, column_stride, right, right_stride, target, target_stride, rows, inner,
     columns))
