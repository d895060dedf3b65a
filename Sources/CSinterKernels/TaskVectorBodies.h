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

// MARK: Task vectors that are thinned out on the way

/// What is known of task vectors where this is inlined.
typedef enum {
  /// The rows are the task vectors.
  THINNED,
  /// They are the differences from the base where marks are set.
  MARKED,
  /// They are the differences from the base, as far as no bound drops them.
  BOUNDED,
  /// The same without upper bounds.
  BOUNDED_BELOW,
  /// They are the differences from the base.
  WHOLE,
  /// They are the differences from the base where the selectors are above zero.
  SELECTED
} thinning;

SINTER_INLINE f64x16 load_base(const sinter_task_vectors *vectors, size_t start, size_t n) {
  return vectors->stored_base ? load_stored_some(vectors->stored_base + start, n)
                              : load_some(vectors->base + start, n);
}

/// The differences from the base, or the rows where they are that already.
SINTER_INLINE f64x16 difference(const sinter_task_vectors *vectors, thinning how, f64x16 origin,
                                size_t row, size_t start, size_t n) {
  size_t place = row * vectors->stride + start;
  f64x16 values = vectors->stored_rows ? load_stored_some(vectors->stored_rows + place, n)
                                       : load_some(vectors->rows + place, n);
  return how == THINNED ? values : values - origin;
}

/// Where differences are kept.
SINTER_INLINE i64x16 kept_lanes(const sinter_task_vectors *vectors, thinning how, f64x16 values,
                                size_t row, size_t start, size_t n) {
  if (how == THINNED || how == WHOLE) return (i64x16)-1;
  if (how == SELECTED) return load_some(vectors->selectors + start, n) > 0;
  if (how == MARKED) {
    return lanes_of(vectors->marks[row * vectors->marks_stride + start / GROUP]);
  }
  f64x16 size = magnitude(values);
  sinter_bounds bounds = vectors->bounds[row];
  // The comparisons ask what is dropped: for NaN the answer is no.
  i64x16 kept = ~(size <= bounds.low);
  return how == BOUNDED_BELOW ? kept : kept & ~(size >= bounds.high);
}

/// The elements of a task vector for a group of elements.
SINTER_INLINE f64x16 task_vector(const sinter_task_vectors *vectors, thinning how, f64x16 origin,
                                 size_t row, size_t start, size_t n) {
  f64x16 values = difference(vectors, how, origin, row, start, n);
  return (f64x16)((i64x16)values & kept_lanes(vectors, how, values, row, start, n));
}

SINTER_INLINE f64x16 sum_of_task_vectors(const sinter_task_vectors *vectors, thinning how,
                                         const double *coefficients, size_t row_count,
                                         size_t start, size_t n) {
  f64x16 origin = load_base(vectors, start, n);
  f64x16 sum = coefficients[0] * task_vector(vectors, how, origin, 0, start, n);
  for (size_t r = 1; r < row_count; r++) {
    sum += coefficients[r] * task_vector(vectors, how, origin, r, start, n);
  }
  return on_base(sum, origin);
}

void SINTER_NAME(add_task_vectors)(sinter_task_vectors vectors, const double *coefficients,
                                   double *restrict out, size_t count) {
  size_t row_count = vectors.row_count;
#define VALUES(i, n, r) sum_of_task_vectors(&vectors, BOUNDED, coefficients, r, i, n)
  if (vectors.bounds) {
    STORE_GROUPS(VALUES);
    return;
  }
#undef VALUES
#define VALUES(i, n, r) sum_of_task_vectors(&vectors, MARKED, coefficients, r, i, n)
  if (vectors.marks) {
    STORE_GROUPS(VALUES);
    return;
  }
#undef VALUES
#define VALUES(i, n, r) sum_of_task_vectors(&vectors, THINNED, coefficients, r, i, n)
  STORE_GROUPS(VALUES);
#undef VALUES
}

// MARK: Quotients

#if SINTER_WORDS == 8
/// The number of rows whose sums of shares fit into a register.
#define QUOTIENT_ROWS 3

/// The divisors of all sets of up to three rows, which stand in the order of their bits, and what
/// has been divided.
///
/// With the reciprocal at hand a quotient takes a product and two corrections. It is the one that a
/// division would round to as long as nothing overflows or becomes subnormal on the way: the second
/// correction starts from a number within one unit in the last place, where the remainder is exact.
/// Source: Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor",
/// 1990.
typedef struct {
  __m512d divisors, reciprocals;
  /// The least and the largest magnitude that was divided, but for zero.
  __m512d least, largest;
} quotient_table;

/// Powers of two between which dividends and divisors are neither large nor small.
#define LARGEST_DIVIDEND 0x1p700
#define LARGEST_DIVISOR 0x1p100

/// Prepares quotients, and returns whether that can be done.
SINTER_INLINE int make_quotients(const double divisors[8], quotient_table *table) {
  double reciprocals[8];
  int fits = 1;
  for (int set = 0; set < 8; set++) {
    double size = __builtin_fabs(divisors[set]);
    fits &= size >= 1 / LARGEST_DIVISOR && size <= LARGEST_DIVISOR;
    reciprocals[set] = 1 / divisors[set];
  }
  table->divisors = _mm512_loadu_pd(divisors);
  table->reciprocals = _mm512_loadu_pd(reciprocals);
  table->least = _mm512_set1_pd(1);
  table->largest = _mm512_set1_pd(1);
  return fits;
}

/// The quotients by the divisors of some sets.
SINTER_INLINE f64x16 divided(f64x16 dividends, i64x16 sets, quotient_table *table) {
  __m512d values[2];
  __m512i places[2];
  __builtin_memcpy(values, &dividends, sizeof values);
  __builtin_memcpy(places, &sets, sizeof places);
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; half++) {
    __m512d value = values[half];
    __mmask8 counts = _mm512_cmp_pd_mask(value, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    // The least and the larger magnitude, without their signs.
    table->least =
        _mm512_mask_range_pd(table->least, counts, table->least, value, 0xa);
    table->largest = _mm512_range_pd(table->largest, value, 0xb);
    __m512d divisor = _mm512_permutexvar_pd(places[half], table->divisors);
    __m512d reciprocal = _mm512_permutexvar_pd(places[half], table->reciprocals);
    __m512d quotient = _mm512_mul_pd(value, reciprocal);
    __m512d rest = _mm512_fnmadd_pd(quotient, divisor, value);
    quotient = _mm512_fmadd_pd(rest, reciprocal, quotient);
    rest = _mm512_fnmadd_pd(quotient, divisor, value);
    values[half] = _mm512_fmadd_pd(rest, reciprocal, quotient);
  }
  __builtin_memcpy(&dividends, values, sizeof values);
  return dividends;
}

/// Whether all quotients so far are right.
SINTER_INLINE int are_right(const quotient_table *table) {
  return _mm512_reduce_min_pd(table->least) >= 1 / LARGEST_DIVIDEND &&
         _mm512_reduce_max_pd(table->largest) <= LARGEST_DIVIDEND;
}
#else
// Registers of four numbers or less divide as fast.
#define QUOTIENT_ROWS 0
typedef struct {
  char nothing;
} quotient_table;
SINTER_INLINE int make_quotients(const double *divisors, quotient_table *table) { return 0; }
SINTER_INLINE f64x16 divided(f64x16 dividends, i64x16 sets, quotient_table *table) {
  return dividends;
}
SINTER_INLINE int are_right(const quotient_table *table) { return 0; }
#endif

// MARK: Votes

/// A vote, with what is known of it where this is inlined.
typedef struct {
  sinter_task_vectors vectors;
  const sinter_vote *votes;
  sinter_election election;
  thinning how;
  /// Whether all voices are 1, and not the weights, in a plain vote.
  int counts_heads;
  /// Where the results go: as doubles, or rounded, with their largest magnitude.
  double *out;
  uint16_t *stored_out;
  i32x16 largest;
} ballot;

/// Writes results of a vote.
SINTER_INLINE void put(ballot *ballot, f64x16 values, size_t start, size_t n) {
  if (ballot->stored_out) {
    store_rounded(values, ballot->stored_out + start, n, &ballot->largest);
  } else if (n == GROUP) {
    store(values, ballot->out + start);
  } else {
    store_first(values, ballot->out + start, n);
  }
}

SINTER_INLINE i64x16 set_bit(i64x16 where, i64x16 set, size_t bit) {
  return (where & (set | 1l << bit)) | (~where & set);
}

/// The result without the base. Quotients by the shares of the rows that agree come from a table, if
/// there is one.
SINTER_INLINE f64x16 mixed(const ballot *ballot, f64x16 mix, i64x16 set, f64x16 divisor,
                           quotient_table *table) {
  if (table) {
    mix = divided(mix, set, table);
  } else if (ballot->election.divides) {
    mix /= choose(
        magnitude(divisor) > ballot->election.least_divisor, divisor, (f64x16)1.0);
  }
  return mix * ballot->election.lambda;
}

/// One group of the result of any vote; always inlined with a constant count for whole groups.
SINTER_INLINE f64x16 voted(const ballot *ballot, size_t row_count, size_t start, size_t n) {
  const sinter_task_vectors *vectors = &ballot->vectors;
  const sinter_vote *votes = ballot->votes;
  f64x16 origin = load_base(vectors, start, n);
  f64x16 sum = 0;
  for (size_t m = 0; m < row_count; m++) {
    f64x16 change = task_vector(vectors, ballot->how, origin, m, start, n) * votes[m].factor;
    sum += change * votes[m].voice;
  }
  f64x16 none = ballot->election.zero_sign;
  f64x16 sign = choose(sum > 0, (f64x16)1.0, choose(sum == 0, none, (f64x16)-1.0));
  f64x16 mix = 0, divisor = 0;
  for (size_t m = 0; m < row_count; m++) {
    f64x16 change = task_vector(vectors, ballot->how, origin, m, start, n) * votes[m].factor;
    f64x16 agreement = change * votes[m].voice * sign;
    // Asked this way round NaN is not voted out, so that it cannot vanish.
    mix += (f64x16)((i64x16)(change * votes[m].weight) & ~(agreement <= 0));
    divisor += (f64x16)((i64x16)(f64x16)votes[m].share & (agreement > 0));
  }
  return on_base(mixed(ballot, mix, (i64x16)0, divisor, 0), origin);
}

/// What a row brings to a plain vote: a sum of zero elects the positive sign, weights and factors are
/// finite, factors are 1 but where how is THINNED or MARKED, and voices are the weights, or 1 like the
/// factors.
SINTER_INLINE f64x16 voice(
    const ballot *ballot, f64x16 origin, size_t row, size_t start, size_t n) {
  sinter_vote vote = ballot->votes[row];
  f64x16 values = difference(&ballot->vectors, ballot->how, origin, row, start, n);
  i64x16 kept = kept_lanes(&ballot->vectors, ballot->how, values, row, start, n);
  if (!ballot->counts_heads) {
    int scales = ballot->how == THINNED || ballot->how == MARKED;
    values = (scales ? values * vote.factor : values) * vote.weight;
  }
  // What is not kept is zeroed in the end: finite weights of zero make nothing else of it.
  return (f64x16)((i64x16)values & kept);
}

/// The number of rows up to which a vote can be plain.
#define MOST_PLAIN_ROWS 4

/// The number of groups that a plain vote takes through one step before the next. A step waits for
/// the one before, so there must be several elements in each; a machine looks ahead only so far.
#define STEP_GROUPS 8

/// Merges whole groups, at most `STEP_GROUPS`, by a plain vote; `row_count` is a constant.
SINTER_INLINE void vote_plainly(ballot *ballot, quotient_table *table, int row_count,
                                size_t start, size_t group_count) {
  f64x16 changes[MOST_PLAIN_ROWS][STEP_GROUPS], sums[STEP_GROUPS], mixes[STEP_GROUPS];
  i64x16 sets[STEP_GROUPS];
  f64x16 divisors[STEP_GROUPS];
  for (size_t g = 0; g < group_count; g++) {
    f64x16 origin = load_base(&ballot->vectors, start + g * GROUP, GROUP);
    for (int m = 0; m < row_count; m++) {
      f64x16 change = voice(ballot, origin, m, start + g * GROUP, GROUP);
      sums[g] = m == 0 ? change : sums[g] + change;
      changes[m][g] = change;
    }
  }
  for (size_t g = 0; g < group_count; g++) {
    u64x16 sign = (u64x16)~(sums[g] >= 0) & 1ull << 63;
    f64x16 mix = 0, divisor = 0;
    i64x16 set = 0;
    for (int m = 0; m < row_count; m++) {
      f64x16 change = changes[m][g];
      i64x16 agrees = ~((f64x16)((u64x16)change ^ sign) <= 0);
      if (ballot->counts_heads) change *= ballot->votes[m].weight;
      mix = choose(agrees, mix + change, mix);
      // With NaN among the changes the divisor does not matter.
      if (table) {
        set = set_bit(agrees, set, m);
      } else {
        divisor = choose(agrees, divisor + ballot->votes[m].share, divisor);
      }
    }
    mixes[g] = mix;
    sets[g] = set;
    divisors[g] = divisor;
  }
  for (size_t g = 0; g < group_count; g++) {
    f64x16 change = mixed(ballot, mixes[g], sets[g], divisors[g], table);
    f64x16 origin = load_base(&ballot->vectors, start + g * GROUP, GROUP);
    put(ballot, on_base(change, origin), start + g * GROUP, GROUP);
  }
}

/// Merges by a plain vote, and returns whether all quotients are right. `row_count` is a constant.
SINTER_INLINE int merge_plainly(ballot *ballot, int row_count, size_t count) {
  size_t whole = count / GROUP, i = 0;
  double divisors[8];
  quotient_table table;
  int has_table = ballot->election.divides && row_count <= QUOTIENT_ROWS;
  if (has_table) {
    for (int set = 0; set < 8; set++) {
      double divisor = 0;
      for (int m = 0; m < row_count; m++) divisor += set >> m & 1 ? ballot->votes[m].share : 0;
      divisors[set] = __builtin_fabs(divisor) > ballot->election.least_divisor ? divisor : 1;
    }
    if (!make_quotients(divisors, &table)) return 0;
    for (; i < whole; i += STEP_GROUPS) {
      size_t groups = smaller(whole - i, STEP_GROUPS);
      vote_plainly(ballot, &table, row_count, i * GROUP, groups);
    }
    if (!are_right(&table)) return 0;
  } else {
    for (; i < whole; i += STEP_GROUPS) {
      size_t groups = smaller(whole - i, STEP_GROUPS);
      vote_plainly(ballot, 0, row_count, i * GROUP, groups);
    }
  }
  i = whole * GROUP;
  if (i < count) put(ballot, voted(ballot, row_count, i, count - i), i, count - i);
  return 1;
}

void SINTER_NAME(add_majority)(
    const double *base, const double *rows, size_t stride, const double *coefficients,
    size_t row_count, const double *selectors, double *restrict out, size_t count) {
  sinter_vote votes[MOST_PLAIN_ROWS];
  int is_plain = row_count <= MOST_PLAIN_ROWS;
  for (size_t m = 0; m < row_count && is_plain; m++) {
    double share = coefficients[m];
    votes[m] = (sinter_vote){1, 1, share, share};
    is_plain &= share >= 0 && share - share == 0;
  }
  sinter_task_vectors vectors = {
      .base = base, .rows = rows, .stride = stride, .row_count = row_count,
      .selectors = selectors};
  sinter_election election = {.zero_sign = 1, .lambda = 1, .least_divisor = 0, .divides = 1};
  if (is_plain && selectors) {
    ballot ballot = {vectors, votes, election, SELECTED, 1, out, 0, 0};
    if (row_count == 2 && merge_plainly(&ballot, 2, count)) return;
    if (row_count == 3 && merge_plainly(&ballot, 3, count)) return;
    if (row_count == 4 && merge_plainly(&ballot, 4, count)) return;
  } else if (is_plain) {
    ballot ballot = {vectors, votes, election, WHOLE, 1, out, 0, 0};
    if (row_count == 2 && merge_plainly(&ballot, 2, count)) return;
    if (row_count == 3 && merge_plainly(&ballot, 3, count)) return;
    if (row_count == 4 && merge_plainly(&ballot, 4, count)) return;
  }
  if (selectors) {
#define VALUES(i, n, r) \
  majority(base + i, rows + i, stride, coefficients, r, selectors + i, n)
    STORE_GROUPS(VALUES);
#undef VALUES
  } else {
#define VALUES(i, n, r) majority(base + i, rows + i, stride, coefficients, r, 0, n)
    STORE_GROUPS(VALUES);
#undef VALUES
  }
}

SINTER_INLINE void merge_in_way(ballot *ballot, thinning how, int is_plain, size_t count) {
  ballot->how = how;
  size_t row_count = ballot->vectors.row_count;
  if (is_plain) {
    if (row_count == 2 && merge_plainly(ballot, 2, count)) return;
    if (row_count == 3 && merge_plainly(ballot, 3, count)) return;
    if (row_count == 4 && merge_plainly(ballot, 4, count)) return;
  }
  for (size_t i = 0; i < count; i += GROUP) {
    size_t n = smaller(count - i, GROUP);
    put(ballot, voted(ballot, row_count, i, n), i, n);
  }
}

SINTER_INLINE void merge_ballot(ballot *ballot, size_t count) {
  const sinter_task_vectors *vectors = &ballot->vectors;
  thinning how = vectors->bounds ? BOUNDED_BELOW : vectors->marks ? MARKED : THINNED;
  int is_plain = ballot->election.zero_sign == 1;
  for (size_t m = 0; m < vectors->row_count; m++) {
    sinter_vote vote = ballot->votes[m];
    is_plain &= vote.voice == vote.weight && (vote.weight - vote.weight) == 0 &&
                (vote.factor - vote.factor) == 0;
    if (vectors->bounds) {
      is_plain &= vote.factor == 1;
      if (vectors->bounds[m].high == vectors->bounds[m].high) how = BOUNDED;
    }
  }
  switch (how) {
    case THINNED: merge_in_way(ballot, THINNED, is_plain, count); break;
    case MARKED: merge_in_way(ballot, MARKED, is_plain, count); break;
    case BOUNDED: merge_in_way(ballot, BOUNDED, is_plain, count); break;
    default: merge_in_way(ballot, BOUNDED_BELOW, is_plain, count); break;
  }
}

void SINTER_NAME(merge_by_vote)(sinter_task_vectors vectors, const sinter_vote *votes,
                                sinter_election election, double *out, size_t count) {
  vectors.stored_base = vectors.stored_rows = 0;
  ballot ballot = {vectors, votes, election, THINNED, 0, out, 0, 0};
  merge_ballot(&ballot, count);
}

// MARK: Rows as they are stored

/// Whether all numbers of the base and the models are finite.
SINTER_INLINE int are_finite(const sinter_task_vectors *vectors, size_t count) {
  int finite = are_stored_finite(vectors->stored_base, count);
  for (size_t r = 0; finite && r < vectors->row_count; r++) {
    finite = are_stored_finite(vectors->stored_rows + r * vectors->stride, count);
  }
  return finite;
}

int SINTER_NAME(merge_by_vote_bf16)(sinter_task_vectors vectors, const sinter_vote *votes,
                                    sinter_election election, uint16_t *out, size_t count) {
  if (!vectors.stored_base || !vectors.stored_rows || !out) return count == 0;
  if (!are_finite(&vectors, count)) return 0;
  ballot ballot = {vectors, votes, election, THINNED, 0, 0, out, 0};
  merge_ballot(&ballot, count);
  return are_rounded(ballot.largest);
}

/// Bounds of magnitudes in floats: those up to low are dropped, and those from high on.
typedef struct {
  float low, high;
} float_bounds;

/// The largest float that is not above a number, and NaN for NaN.
SINTER_INLINE float rounded_down(double number) {
  float nearest = (float)number;
  uint32_t bits;
  __builtin_memcpy(&bits, &nearest, sizeof bits);
  if (nearest > number) bits--;
  __builtin_memcpy(&nearest, &bits, sizeof bits);
  return nearest;
}

/// Bounds that drop the same floats. They must not be negative. No upper bound becomes infinite: a
/// difference that does is too large to be certain, and must not be dropped unseen.
SINTER_INLINE float_bounds round_bounds(sinter_bounds bounds) {
  float_bounds rounded = {rounded_down(bounds.low), (float)bounds.high};
  uint32_t bits;
  __builtin_memcpy(&bits, &rounded.high, sizeof bits);
  if (rounded.high < bounds.high) bits++;
  __builtin_memcpy(&rounded.high, &bits, sizeof bits);
  if (rounded.high == __builtin_inff()) rounded.high = __builtin_nanf("");
  return rounded;
}

/// The patterns of two numbers of BF16 are at most this far apart where their difference is exact as a
/// float: no more than 15 halvings lie between them.
#define EXACT_DISTANCE (15 << 23)

/// Task vectors to be added in floats.
typedef struct {
  const sinter_task_vectors *vectors;
  const float_terms *terms;
  const float_bounds *bounds;
  size_t row_count;
} float_vectors;

/// A group of sums in floats; `how` is a constant. Returns whether all results are certain.
SINTER_INLINE int add_nearly(
    const float_vectors *nearly, thinning how, size_t start, uint16_t *out) {
  const sinter_task_vectors *vectors = nearly->vectors;
  f32x16 origin = widened_bf16(*(const u16x16_memory *)(vectors->stored_base + start));
  f32x16 totals = 0, sizes = 0;
  i32x16 farthest = 0;
  for (size_t r = 0; r < nearly->row_count; r++) {
    const uint16_t *row = vectors->stored_rows + r * vectors->stride + start;
    f32x16 values = widened_bf16(*(const u16x16_memory *)row);
    f32x16 change = values - origin;
    if (how == MARKED) {
      uint16_t marks = vectors->marks[r * vectors->marks_stride + start / GROUP];
      change = (f32x16)((i32x16)change & lanes32_of(marks));
    } else {
      // Rounded differences may lie on the other side of a bound.
      i32x16 distance = ((i32x16)values & 0x7fffffff) - ((i32x16)origin & 0x7fffffff);
      farthest = __builtin_elementwise_max(farthest, __builtin_elementwise_abs(distance));
      f32x16 size = __builtin_elementwise_abs(change);
      float_bounds bounds = nearly->bounds[r];
      i32x16 dropped = (size <= bounds.low) | (size >= bounds.high);
      change = (f32x16)((i32x16)change & ~dropped);
    }
    f32x16 term = nearly->terms->values[r] * change;
    totals += term;
    sizes += __builtin_elementwise_abs(term);
  }
  totals += origin;
  sizes += __builtin_elementwise_abs(origin);
  u32x16 rounded;
  u32x16 doubts = round_nearly(totals, sizes, nearly->terms->margin, &rounded);
  doubts |= too_large(sizes) | (u32x16)(farthest > EXACT_DISTANCE);
  if (__builtin_reduce_or(doubts) != 0) return 0;
  *(u16x16_memory *)out = __builtin_convertvector(rounded >> 16, u16x16);
  return 1;
}

/// All sums: in floats where they are certain, else in doubles. `how` and `row_count` are constants.
SINTER_INLINE int add_stored(const sinter_task_vectors *vectors, thinning how,
                             const double *coefficients, size_t row_count, uint16_t *out,
                             size_t count) {
  float_terms terms;
  round_coefficients(coefficients, row_count, 8, &terms);
  float_bounds bounds[FEW_TERMS];
  for (size_t r = 0; vectors->bounds && terms.values && r < row_count; r++) {
    bounds[r] = round_bounds(vectors->bounds[r]);
  }
  float_vectors nearly = {vectors, &terms, bounds, row_count};
  // Short coefficients give so many ties that trying is not worth it.
  int tries = terms.values && !terms.are_short;
  i32x16 largest = 0;
  for (size_t i = 0; i < count; i += GROUP) {
    size_t n = smaller(count - i, GROUP);
    if (tries && n == GROUP && add_nearly(&nearly, how, i, out + i)) continue;
    f64x16 sum = sum_of_task_vectors(vectors, how, coefficients, row_count, i, n);
    store_rounded(sum, out + i, n, &largest);
  }
  return are_rounded(largest);
}

int SINTER_NAME(add_task_vectors_bf16)(sinter_task_vectors vectors, const double *coefficients,
                                       uint16_t *restrict out, size_t count) {
  if (!vectors.stored_base || !vectors.stored_rows || !out) return count == 0;
  if (!are_finite(&vectors, count)) return 0;
#define ADD(how, n) return add_stored(&vectors, how, coefficients, n, out, count)
  if (vectors.bounds) {
    switch (vectors.row_count) {
      case 2: ADD(BOUNDED, 2);
      case 3: ADD(BOUNDED, 3);
      default: ADD(BOUNDED, vectors.row_count);
    }
  }
  switch (vectors.row_count) {
    case 2: ADD(MARKED, 2);
    case 3: ADD(MARKED, 3);
    default: ADD(MARKED, vectors.row_count);
  }
#undef ADD
}

/// The sums that `sums_of_kept` takes, and its marks.
int SINTER_NAME(sums_of_kept_bf16)(
    uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit, const uint16_t *row,
    const uint16_t *base, uint16_t *marks, size_t count, double *all, double *some) {
  if (PLACE_IN_BLOCK(index) != 0) return 0;
  uint32_t bits[BATCH] = {0};
  f64x16 lanes = 0, kept_lanes = 0;
  size_t i = 0;
  for (; i + BATCH <= count; i += BATCH) {
    random_batch(seed, stream, BLOCK_OF(index + i), bits);
    for (int j = 0; j < BATCH; j += GROUP) {
      f64x16 values = magnitude(load_stored(row + i + j) - load_stored(base + i + j));
      lanes += values;
      kept_lanes += kept(values, bits + j, limit);
      if (marks) *marks++ = marks_of(*(const u32x16_memory *)(bits + j) < limit);
    }
  }
  for (; i < count; i += GROUP) {
    size_t n = smaller(count - i, GROUP);
    SINTER_NAME(random_words)(seed, stream, index + i, bits, n);
    f64x16 values = magnitude(stored_changes(row + i, base + i, n));
    lanes += values;
    kept_lanes += kept(values, bits, limit);
    if (marks) {
      uint32_t marked = marks_of(*(const u32x16_memory *)bits < limit);
      *marks++ = (uint16_t)(marked & ((1u << n) - 1));
    }
  }
  *all = total(lanes);
  *some = total(kept_lanes);
  return __builtin_isfinite(*all);
}

#undef PAIR
#undef UNDERFLOW
#undef LARGEST_SIZE
#undef LEAST_COEFFICIENT
#undef LARGEST_COEFFICIENT
#undef FEW_TERMS
#undef LONG_CHANGE
#undef LEAST_PLACE
#undef EXACT_DISTANCE
#undef BLOCK_OF
#undef PLACE_IN_BLOCK
