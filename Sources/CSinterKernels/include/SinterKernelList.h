// The list of kernels, to be included with a definition of KERNEL(type, name, parameters, arguments).
// No include guard: each inclusion makes something else of the list.

// MARK: Conversion
//
// Little-endian elements, aligned to their size, to and from Double. Widening is exact; narrowing
// rounds once, to nearest and ties to even, and returns how many results are not finite.

KERNEL(void, widen_f64, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_f32, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_bf16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_f16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_e4m3, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_e5m2, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, narrow_f64, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f32, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_bf16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e4m3, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e5m2, (const double *row, void *bytes, size_t count), (row, bytes, count))

// MARK: Selection
//
// A key is the pattern of a number under a mask, compared without a sign.

/// Puts out the keys from low to high that are not the candidate, in their order, and returns how
/// many they are; room for `count` of them. Totals: how many keys lie above high, equal the
/// candidate, and are zero.
KERNEL(
    size_t, select_keys,
    (const double *row, size_t count, uint64_t mask, uint64_t low, uint64_t high,
     uint64_t candidate, uint64_t *inside, uint64_t *totals),
    (row, count, mask, low, high, candidate, inside, totals))
/// Counts keys from low on in bins of 1 << shift keys each: the number, the least and the greatest.
KERNEL(
    void, count_bins,
    (const uint64_t *keys, size_t count, uint64_t low, int shift, uint64_t *bins, size_t bin_count),
    (keys, count, low, shift, bins, bin_count))
/// x = 0 where |x| is below the threshold, or equal to it and not inclusive
KERNEL(
    void, keep_from, (double *row, size_t count, double threshold, int is_inclusive),
    (row, count, threshold, is_inclusive))
/// x = 0 where |x| is above the threshold, or equal to it and inclusive
KERNEL(
    void, drop_from, (double *row, size_t count, double threshold, int is_inclusive),
    (row, count, threshold, is_inclusive))

// MARK: Task vectors

/// out = base + lambda * mix / divisor, where mix is the sum of the weighted rows of models that
/// agree with the elected sign, and divisor the sum of their shares; base where nothing is added.
KERNEL(
    void, merge_by_vote,
    (const double *base, const double *rows, size_t stride, const sinter_vote *votes,
     size_t model_count, sinter_election election, double *out, size_t count),
    (base, rows, stride, votes, model_count, election, out, count))
