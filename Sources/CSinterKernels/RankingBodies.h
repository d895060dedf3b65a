// Dropping elements at random, the larger ones of a vector less often.
//
// An element is kept when its bits are below the threshold of its place in the order of magnitudes.
// Most bits are below the thresholds of all places, or of none. For the others magnitudes are
// counted in buckets, which tells between which places an element lies; only where the thresholds
// of these places differ in what they say, it is looked for among the elements of its bucket. Zeros
// need no decision. Nothing here can be predicted, so lists grow without branches.

/// There are 16 or more buckets, and one for each two to four elements of a vector.
#define LEAST_BUCKET_BITS 4
/// The buckets cover so many halvings of the largest magnitude, as a power of two; the last takes
/// all that is left.
#define RANGE_BITS 4
/// Buckets for zeros, which are often half of the elements: one alone would have all wait for it.
#define ZERO_BUCKETS 8
/// The counts of one bucket wait for each other, so the parts of a vector are counted side by side.
#define PARTS 4
/// In buckets of more elements these are sorted, rather than compared with each that is looked for.
#define FEW_ELEMENTS 32
/// Sorting takes so many bits of the keys at a time.
#define DIGIT_BITS 6
/// What lies in a bucket with more than this part of a vector is listed by itself.
#define LARGE_SHARE 16
#define TO_BE_LISTED 1
#define LISTED 2

/// The thresholds of the last and of the first place in a bucket.
typedef struct {
  uint32_t lower, upper;
} threshold_range;

typedef struct {
  size_t length, bucket_count;
  /// By how much the high half of a key is shifted to the right to count in buckets.
  int bucket_shift;
  threshold_range *ranges;
  /// The threshold of each place, and one more number.
  uint32_t *thresholds;
  /// Of each element; in the end those are kept whose bits are below the first threshold.
  uint32_t *bits;
  /// The bucket of each element, and elements in the order of their buckets.
  uint16_t *buckets, *order;
  /// Lists of elements.
  uint16_t *open, *members;
  /// The number of elements of each part in each bucket, part by part.
  uint16_t *counts;
  /// The place of the first element of each bucket, the end behind; and of the next to be found.
  uint16_t *starts, *next;
  /// What is done about each bucket: LISTED, TO_BE_LISTED, or 0.
  uint8_t *marks;
} ranking;

SINTER_INLINE uint64_t key_of(const double *row, size_t element) {
  uint64_t key;
  __builtin_memcpy(&key, row + element, sizeof key);
  return key & ~(1ull << 63);
}

/// Whether the first of two elements comes first: the larger, of equal ones that of lower index.
SINTER_INLINE int comes_first(const double *row, uint16_t first, uint16_t second) {
  uint64_t key = key_of(row, first), other = key_of(row, second);
  return (key > other) | ((key == other) & (first < second));
}

/// Puts elements in the order of a digit of their keys, the largest first, equal ones as they are.
SINTER_INLINE void sort_by_digit(
    const double *row, int shift, const uint16_t *order, uint16_t *sorted, size_t count) {
  uint16_t places[1 << DIGIT_BITS] = {0};
  uint64_t mask = (1 << DIGIT_BITS) - 1;
  for (size_t j = 0; j < count; j++) places[~(key_of(row, order[j]) >> shift) & mask]++;
  uint16_t place = 0;
  for (size_t digit = 0; digit <= mask; digit++) {
    uint16_t digit_count = places[digit];
    places[digit] = place;
    place += digit_count;
  }
  for (size_t j = 0; j < count; j++) {
    sorted[places[~(key_of(row, order[j]) >> shift) & mask]++] = order[j];
  }
}

/// Puts elements in the order of their magnitudes; they come in the order of their indices.
static void SINTER_NAME(sort)(
    const double *row, uint16_t *order, uint16_t *sorted, size_t count) {
  uint64_t first = key_of(row, order[0]), differences = 0;
  for (size_t j = 1; j < count; j++) differences |= key_of(row, order[j]) ^ first;
  // Where weights have few bits, so do their differences: one digit is mostly enough.
  while (differences != 0) {
    int shift = __builtin_ctzll(differences);
    sort_by_digit(row, shift, order, sorted, count);
    __builtin_memcpy(order, sorted, count * sizeof *order);
    differences &= ~((((uint64_t)1 << DIGIT_BITS) - 1) << shift);
  }
}

/// The high half of the largest key, which is all that buckets look at. Numbers of 32 bits are
/// twice as many to a register, and all levels can compare them.
SINTER_INLINE uint32_t largest_half(const double *row, size_t length, int *is_zero) {
  uint32_t largest = 0, low = 0;
  for (size_t i = 0; i < length; i++) {
    uint64_t key = key_of(row, i);
    uint32_t high = (uint32_t)(key >> 32);
    low |= (uint32_t)key;
    // Signs are gone, so that signed numbers will do.
    largest = (int32_t)high > (int32_t)largest ? high : largest;
  }
  *is_zero = (largest | low) == 0;
  return largest;
}

/// Finds the bucket of each element. Zeros are dropped, which takes their sign.
SINTER_INLINE void find_buckets(const ranking *r, const double *row, uint32_t top) {
  uint32_t last = (uint32_t)r->bucket_count - 1;
  uint16_t *buckets = r->buckets;
  uint32_t *bits = r->bits;
  int shift = r->bucket_shift;
  // Zeros come as they like, so this must become vector code; selecting could become a branch.
#pragma clang loop vectorize(enable)
  for (size_t i = 0; i < r->length; i++) {
    uint64_t key = key_of(row, i);
    uint32_t high = (uint32_t)(key >> 32);
    uint32_t bucket = top - (high >> shift);
    bucket = (int32_t)bucket < (int32_t)last ? bucket : last;
    uint32_t zero = -(uint32_t)((high | (uint32_t)key) == 0);
    uint32_t zero_bucket = last + 1 + (uint32_t)i % ZERO_BUCKETS;
    buckets[i] = (uint16_t)((zero_bucket & zero) | (bucket & ~zero));
    bits[i] |= zero;
  }
}

/// Counts the elements of each bucket, which tells what lies between which thresholds.
SINTER_INLINE void count_buckets(const ranking *r) {
  size_t stride = r->bucket_count + ZERO_BUCKETS, part = r->length / PARTS;
  uint16_t *counts[PARTS];
  for (size_t p = 0; p < PARTS; p++) counts[p] = r->counts + p * stride;
  __builtin_memset(r->counts, 0, PARTS * stride * sizeof *r->counts);
  const uint16_t *buckets = r->buckets;
  for (size_t i = 0; i < part; i++) {
    for (size_t p = 0; p < PARTS; p++) counts[p][buckets[p * part + i]]++;
  }
  for (size_t i = PARTS * part; i < r->length; i++) counts[0][buckets[i]]++;
  for (size_t k = 0; k < r->bucket_count; k++) {
    uint16_t count = 0;
    for (size_t p = 0; p < PARTS; p++) count += counts[p][k];
    counts[0][k] = count;
  }
  // The first bucket has an element, so that there is a place before the start of all others.
  uint16_t start = 0;
  for (size_t k = 0; k < r->bucket_count; k++) {
    r->starts[k] = start;
    r->ranges[k].upper = r->thresholds[start];
    start += counts[0][k];
    r->ranges[k].lower = r->thresholds[(size_t)start - 1];
  }
  r->starts[r->bucket_count] = start;
}

#if SINTER_WORDS == 8
/// Appends the indices of the lanes of a mask, from that of the first lane on.
SINTER_INLINE size_t append_indices(i32x16 lanes, size_t first, uint16_t *target) {
  __m512i all;
  __builtin_memcpy(&all, &lanes, sizeof all);
  __mmask16 mask = _mm512_movepi32_mask(all);
  __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i indices = _mm512_add_epi32(numbers, _mm512_set1_epi32((int)first));
  indices = _mm512_maskz_compress_epi32(mask, indices);
  _mm256_storeu_si256((__m256i *)target, _mm512_cvtepi32_epi16(indices));
  return (size_t)__builtin_popcount(mask);
}
#endif

/// Lists the elements whose place matters.
SINTER_INLINE size_t list_open(const ranking *r, uint32_t least, uint32_t most) {
  size_t count = 0, i = 0;
#if SINTER_WORDS == 8
  for (; i + GROUP <= r->length; i += GROUP) {
    u32x16 bits = *(const u32x16_memory *)(r->bits + i);
    count += append_indices((bits >= least) & (bits < most), i, r->open + count);
  }
#endif
  for (; i < r->length; i++) {
    r->open[count] = (uint16_t)i;
    count += (r->bits[i] >= least) & (r->bits[i] < most);
  }
  return count;
}

/// Decides on what is listed as far as buckets tell, and leaves the others in the list.
SINTER_INLINE size_t decide_by_bucket(const ranking *r, size_t count) {
  size_t left = 0;
  for (size_t j = 0; j < count; j++) {
    uint16_t element = r->open[j];
    uint32_t bits = r->bits[element];
    threshold_range range = r->ranges[r->buckets[element]];
    r->bits[element] = bits >= range.upper ? UINT32_MAX : bits;
    r->open[left] = element;
    left += (bits >= range.lower) & (bits < range.upper);
  }
  return left;
}

/// Lists the elements of a bucket. Appending writes more than it appends, hence the detour.
SINTER_INLINE void list_bucket(const ranking *r, uint16_t bucket, uint16_t *target) {
  size_t count = 0, i = 0;
#if SINTER_WORDS == 8
  for (; i + GROUP <= r->length; i += GROUP) {
    i16x16 lanes = *(const u16x16_memory *)(r->buckets + i) == bucket;
    count += append_indices(__builtin_convertvector(lanes, i32x16), i, r->members + count);
  }
#endif
  for (; i < r->length; i++) {
    r->members[count] = (uint16_t)i;
    count += r->buckets[i] == bucket;
  }
  __builtin_memcpy(target, r->members, count * sizeof *target);
}

/// Orders the elements of those buckets that elements of the list are in, bucket by bucket and each
/// by their indices.
SINTER_INLINE void group_members(const ranking *r, size_t count) {
  __builtin_memset(r->marks, 0, r->bucket_count + ZERO_BUCKETS);
  size_t small = 0;
  for (size_t j = 0; j < count; j++) {
    uint16_t bucket = r->buckets[r->open[j]];
    if (r->marks[bucket] != 0) continue;
    uint16_t start = r->starts[bucket];
    if ((size_t)(r->starts[bucket + 1] - start) * LARGE_SHARE > r->length) {
      list_bucket(r, bucket, r->order + start);
      r->marks[bucket] = LISTED;
    } else {
      r->marks[bucket] = TO_BE_LISTED;
      r->next[bucket] = start;
      small++;
    }
  }
  if (small == 0) return;
  size_t members = 0;
  for (size_t i = 0; i < r->length; i++) {
    r->members[members] = (uint16_t)i;
    members += r->marks[r->buckets[i]] & TO_BE_LISTED;
  }
  for (size_t j = 0; j < members; j++) {
    uint16_t element = r->members[j];
    r->order[r->next[r->buckets[element]]++] = element;
  }
}

/// Decides on all elements of a bucket.
static void SINTER_NAME(decide_all)(
    const ranking *r, const double *row, uint16_t start, uint16_t end) {
  SINTER_NAME(sort)(row, r->order + start, r->members, (size_t)end - start);
  for (size_t place = start; place < end; place++) {
    uint32_t *bits = r->bits + r->order[place];
    *bits = *bits < r->thresholds[place] ? 0 : UINT32_MAX;
  }
}

/// Decides on one element of a bucket.
SINTER_INLINE void decide_one(
    const ranking *r, const double *row, uint16_t start, uint16_t end, uint16_t element) {
  size_t place = start;
  for (size_t j = start; j < end; j++) place += (size_t)comes_first(row, r->order[j], element);
  r->bits[element] = r->bits[element] < r->thresholds[place] ? 0 : UINT32_MAX;
}

/// Decides on what is listed by its place.
SINTER_INLINE void decide_by_place(const ranking *r, const double *row, size_t count) {
  group_members(r, count);
  for (size_t j = 0; j < count; j++) {
    uint16_t element = r->open[j], bucket = r->buckets[element];
    uint16_t start = r->starts[bucket], end = r->starts[bucket + 1];
    if (end - start <= FEW_ELEMENTS) {
      decide_one(r, row, start, end, element);
    } else if (r->marks[bucket]) {
      // All of them are decided on with the first.
      SINTER_NAME(decide_all)(r, row, start, end);
      r->marks[bucket] = 0;
    }
  }
}

SINTER_INLINE size_t next_power_bits(size_t count) {
  size_t bits = 0;
  while ((size_t)1 << bits < count) bits++;
  return bits;
}

/// A piece of the scratch for so many numbers, and room for a vector register behind them.
#define TAKE(pointer, count)                            \
  (pointer) = (void *)scratch;                          \
  scratch += ((count) * sizeof *(pointer) + 64 + 63) / 64 * 64

SINTER_INLINE ranking make_ranking(size_t length, char *scratch) {
  ranking r;
  size_t bucket_bits = next_power_bits((length + 3) / 4);
  bucket_bits = bucket_bits < LEAST_BUCKET_BITS ? LEAST_BUCKET_BITS : bucket_bits;
  r.length = length;
  r.bucket_count = (size_t)1 << bucket_bits;
  r.bucket_shift = 20 + RANGE_BITS - (int)bucket_bits;
  TAKE(r.ranges, r.bucket_count);
  TAKE(r.thresholds, length + 1);
  TAKE(r.bits, length);
  TAKE(r.buckets, length);
  TAKE(r.order, length);
  TAKE(r.open, length);
  TAKE(r.members, length);
  TAKE(r.counts, PARTS * (r.bucket_count + ZERO_BUCKETS));
  TAKE(r.starts, r.bucket_count + 1);
  TAKE(r.next, r.bucket_count);
  TAKE(r.marks, r.bucket_count + ZERO_BUCKETS);
  return r;
}

/// Whether the thresholds are such that marks for what is decided lie outside of them.
SINTER_INLINE int find_thresholds(const ranking *r, double low, double width) {
  double last = (double)(r->length - 1);
  uint64_t most = 0, least = 0;
  for (size_t place = 0; place < r->length; place++) {
    double share = (double)(int64_t)(r->length - 1 - place) / last;
    least = (uint64_t)(int64_t)((low + width * share) * 0x1p32 + 0.5);
    most = place == 0 ? least : most;
    r->thresholds[place] = (uint32_t)least;
  }
  r->thresholds[r->length] = (uint32_t)least;
  return least > 0 && most <= UINT32_MAX && least <= most;
}

int SINTER_NAME(drop_ranked)(
    uint64_t seed, uint64_t stream, uint64_t index, double low, double width, double *row,
    size_t length, size_t vector_count, void *scratch) {
  ranking r = make_ranking(length, scratch);
  if (!find_thresholds(&r, low, width)) return 0;
  uint32_t most = r.thresholds[0], least = r.thresholds[length - 1];
  for (size_t v = 0; v < vector_count; v++) {
    double *vector = row + v * length;
    int is_zero;
    uint32_t largest = largest_half(vector, length, &is_zero);
    if (is_zero) {
      __builtin_memset(vector, 0, length * sizeof *vector);
      continue;
    }
    SINTER_NAME(random_words)(seed, stream, index + v * length, r.bits, length);
    find_buckets(&r, vector, largest >> r.bucket_shift);
    count_buckets(&r);
    size_t left = decide_by_bucket(&r, list_open(&r, least, most));
    if (left > 0) decide_by_place(&r, vector, left);
    size_t i = 0;
    for (; i + GROUP <= length; i += GROUP) {
      store(kept(load(vector + i), r.bits + i, most), vector + i);
    }
    drop_few(r.bits + i, most, vector + i, 0, length - i);
  }
  return 1;
}

#undef LEAST_BUCKET_BITS
#undef RANGE_BITS
#undef ZERO_BUCKETS
#undef PARTS
#undef FEW_ELEMENTS
#undef DIGIT_BITS
#undef LARGE_SHARE
#undef TO_BE_LISTED
#undef LISTED
#undef TAKE
