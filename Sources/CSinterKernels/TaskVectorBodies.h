// Arithmetic on the differences of models from a base.

SINTER_INLINE void keep_all_from(double *restrict row, const double *restrict base, size_t count,
                                 double threshold, int is_inclusive) {
  // The comparisons ask what is dropped: for NaN the answer is no.
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    f64x16 values = changes(row + i, base ? base + i : base, GROUP);
    f64x16 magnitudes = magnitude(values);
    i64x16 dropped = is_inclusive ? magnitudes < threshold : magnitudes <= threshold;
    store((f64x16)((i64x16)values & ~dropped), row + i);
  }
  for (; i < count; i++) {
    double value = base ? row[i] - base[i] : row[i];
    double magnitude = __builtin_fabs(value);
    row[i] = (is_inclusive ? magnitude < threshold : magnitude <= threshold) ? 0 : value;
  }
}

void SINTER_NAME(keep_from)(
    double *row, const double *base, size_t count, double threshold, int is_inclusive) {
  if (base) {
    keep_all_from(row, base, count, threshold, is_inclusive);
  } else {
    keep_all_from(row, 0, count, threshold, is_inclusive);
  }
}

void SINTER_NAME(drop_from)(double *row, size_t count, double threshold, int is_inclusive) {
  size_t i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    f64x16 values = load(row + i);
    f64x16 magnitudes = (f64x16)((u64x16)values & ~(1ull << 63));
    i64x16 dropped = is_inclusive ? magnitudes >= threshold : magnitudes > threshold;
    store((f64x16)((i64x16)values & ~dropped), row + i);
  }
  for (; i < count; i++) {
    double magnitude = __builtin_fabs(row[i]);
    if (is_inclusive ? magnitude >= threshold : magnitude > threshold) row[i] = 0;
  }
}

/// One group of the result; always inlined with a constant count for whole groups.
SINTER_INLINE f64x16 voted(const double *base, const double *rows, size_t stride,
                           const sinter_vote *votes, size_t row_count, sinter_election election,
                           size_t count) {
  f64x16 sum = 0;
  for (size_t m = 0; m < row_count; m++) {
    sum += load_some(rows + m * stride, count) * votes[m].factor * votes[m].voice;
  }
  f64x16 none = election.zero_sign;
  f64x16 sign = choose(sum > 0, (f64x16)1.0, choose(sum == 0, none, (f64x16)-1.0));
  f64x16 mix = 0, divisor = 0;
  for (size_t m = 0; m < row_count; m++) {
    f64x16 change = load_some(rows + m * stride, count) * votes[m].factor;
    f64x16 agreement = change * votes[m].voice * sign;
    // Asked this way round NaN is not voted out, so that it cannot vanish.
    mix += (f64x16)((i64x16)(change * votes[m].weight) & ~(agreement <= 0));
    divisor += (f64x16)((i64x16)(f64x16)votes[m].share & (agreement > 0));
  }
  if (election.divides) {
    f64x16 size = (f64x16)((u64x16)divisor & ~(1ull << 63));
    mix /= choose(size > election.least_divisor, divisor, (f64x16)1.0);
  }
  f64x16 change = mix * election.lambda;
  // Adding nothing leaves the base as it is, a negative zero included.
  f64x16 old = load_some(base, count);
  return choose(change == 0, old, old + change);
}

void SINTER_NAME(merge_by_vote)(const double *base, const double *rows, size_t stride,
                                const sinter_vote *votes, size_t row_count,
                                sinter_election election, double *restrict out, size_t count) {
#define VALUES(i, n, r) voted(base + i, rows + i, stride, votes, r, election, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}
