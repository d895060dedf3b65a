// Dropping elements at random, the larger ones of a vector less often.
//
// An element is kept when its bits are below the threshold of its place in the order of magnitudes.
// Most bits are below the thresholds of all places, or of none. The others are listed as open, and
// magnitudes are counted in buckets, which tells between which places an element lies; only where
// the thresholds of these places differ in what they say, it is looked for in its bucket. There
// mostly all elements are alike, so that the order is that of their indices, which takes no more
// than counting them. Zeros need no decision. Nothing here can be predicted, so lists grow without
// branches.

/// There are 64 or more buckets, and one for each two to four elements of a vector.
#define LEAST_BUCKET_BITS 6
/// Buckets and tags cover so many halvings of the largest magnitude, as a power of two; the last
/// bucket takes all that is left.
#define RANGE_BITS 4
/// The last buckets are for zeros, which are often half of the elements: in one alone all would
/// wait for it.
#define ZERO_BUCKETS 8
/// The bits of a tag: those of the bucket, some of the digits that follow, and whether that is all.
#define TAG_BITS 16
/// By how much the high half of a key is shifted to the right in a tag.
#define TAG_SHIFT (20 + RANGE_BITS - TAG_BITS + 1)
/// The counts of one bucket wait for each other, so the parts of a vector are counted side by side.
#define PARTS 4
/// The leading bits of a tag say to which group of buckets it belongs.
#define GROUP_BITS 6
/// So many tags of a bucket are looked for, the others among all members of the bucket.
#define MOST_TAGS 3
/// For more elements than these a bucket is sorted, rather than compared with each of them.
#define FEW_ELEMENTS 16
/// Sorting takes so many bits of the keys at a time.
#define DIGIT_BITS 6
/// Steps are functions of their own: in one of all there are not registers enough.
#define STEP static __attribute__((noinline))

/// Behind the elements of a vector are some up to a whole number of chunks, which count as zeros.
typedef struct {
  size_t length, chunk_count;
  /// The number of buckets that are not for zeros.
  size_t bucket_count;
  /// By how much a tag is shifted to the right to be the number of its bucket.
  int bucket_shift;
  /// The threshold of each place.
  uint32_t *thresholds;
  /// Of each element; in the end those are kept whose bits are below the first threshold.
  uint32_t *bits;
  /// Of each element, lower for a larger magnitude: the bucket, the digits below, and a last bit
  /// that is set if there are no more, so that equal tags are equal magnitudes. In the last bucket
  /// of all that are not for zeros there are no digits.
  uint16_t *tags;
  /// Lists of elements.
  uint16_t *open, *chosen, *members, *sorted;
  /// The keys of members.
  uint64_t *keys;
  /// The number of elements of each part in each bucket, part by part.
  uint16_t *counts;
  /// The place of the first element of each bucket, the end behind.
  uint16_t *starts;
  /// Of each chunk, which of its elements have the tag that is looked at, and how many before.
  uint32_t *marks;
  uint16_t *before;
} ranking;

SINTER_INLINE uint64_t key_of(const double *row, size_t element) {
  uint64_t key;
  __builtin_memcpy(&key, row + element, sizeof key);
  return key & ~(1ull << 63);
}

/// The high half of the largest key, which is all that buckets look at.
STEP uint32_t SINTER_NAME(largest_half)(const double *row, size_t length, int *is_zero) {
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

/// Finds the tag of each element. Zeros are dropped, which takes their sign.
STEP void SINTER_NAME(find_tags)(const ranking *r, const double *row, uint32_t largest) {
  // Keys of one bucket have the same bits above those of its digits.
  uint32_t top = (largest >> TAG_SHIFT) | ((1u << (r->bucket_shift - 1)) - 1);
  int32_t last = (int32_t)((r->bucket_count - 1) << (r->bucket_shift - 1));
  u16x16 zero_tags;
  for (size_t j = 0; j < GROUP; j++) {
    zero_tags[j] = (uint16_t)((r->bucket_count + j % ZERO_BUCKETS) << r->bucket_shift);
  }
  for (size_t i = 0; i < r->chunk_count * CHUNK; i += GROUP) {
    f64x16 values = 0;
    if (i + GROUP <= r->length) {
      values = load(row + i);
    } else if (i < r->length) {
      values = load_first(row + i, r->length - i);
    }
    u64x16 keys = (u64x16)values & ~(1ul << 63);
    u32x16 low = low_halves(keys), high = high_halves(keys);
    i32x16 zero = (high | low) == 0;
    i32x16 tag = (i32x16)(top - (high >> TAG_SHIFT));
    i32x16 is_exact = ((low | (high & ((1u << TAG_SHIFT) - 1))) == 0) & (tag < last);
    tag = __builtin_elementwise_min(tag, (i32x16)last);
    tag = tag + tag - is_exact;
    u16x16 tags = __builtin_convertvector(tag, u16x16);
    i16x16 zero_lanes = __builtin_convertvector(zero, i16x16);
    tags = (zero_tags & (u16x16)zero_lanes) | (tags & ~(u16x16)zero_lanes);
    *(u16x16_memory *)(r->tags + i) = tags;
    *(u32x16_memory *)(r->bits + i) |= (u32x16)zero;
  }
}

/// Counts the elements of each bucket, which tells what lies between which places.
STEP void SINTER_NAME(count_buckets)(const ranking *r) {
  size_t stride = r->bucket_count + ZERO_BUCKETS, part = r->chunk_count * CHUNK / PARTS;
  uint16_t *counts[PARTS];
  for (size_t p = 0; p < PARTS; p++) counts[p] = r->counts + p * stride;
  __builtin_memset(r->counts, 0, PARTS * stride * sizeof *r->counts);
  for (size_t i = 0; i < part; i++) {
    for (size_t p = 0; p < PARTS; p++) counts[p][r->tags[p * part + i] >> r->bucket_shift]++;
  }
  uint16_t start = 0;
  for (size_t k = 0; k < stride; k += CHUNK) {
    u16x32 sums = 0;
    for (size_t p = 0; p < PARTS; p++) sums += load_chunk(counts[p] + k);
    sums = running_sums(sums) + start;
    store_chunk(sums, r->starts + 1 + k);
    start = sums[CHUNK - 1];
  }
  r->starts[0] = 0;
}

/// Lists the elements whose bits are below the thresholds of some places and not of others.
STEP size_t SINTER_NAME(list_all)(const ranking *r) {
  uint32_t most = r->thresholds[0], least = r->thresholds[r->length - 1];
  size_t count = 0;
  for (size_t i = 0; i < r->chunk_count * CHUNK; i += GROUP) {
    u32x16 bits = *(const u32x16_memory *)(r->bits + i);
    count += append_indices(marks_of((bits >= least) & (bits < most)), i, r->open + count);
  }
  return count;
}

#if SINTER_WORDS == 8
/// In vectors of so many elements groups are worth their table.
#define LEAST_FOR_GROUPS 512

/// Decides on elements as far as groups of buckets tell, and lists the others.
STEP size_t SINTER_NAME(list_by_groups)(const ranking *r) {
  // The high halves of the thresholds of the first and of the last place in each group.
  uint16_t upper[1 << GROUP_BITS], lower[1 << GROUP_BITS];
  int group_shift = TAG_BITS - GROUP_BITS - r->bucket_shift;
  for (size_t g = 0; g < 1 << GROUP_BITS; g++) {
    size_t start = r->starts[g << group_shift], end = r->starts[(g + 1) << group_shift];
    upper[g] = (uint16_t)(r->thresholds[start] >> 16);
    // The end is the length of all, which may be 2^16, and counts as 0.
    lower[g] = (uint16_t)(r->thresholds[(uint16_t)(end - 1)] >> 16);
  }
  __m512i uppers[2], lowers[2], halves;
  __builtin_memcpy(uppers, upper, sizeof uppers);
  __builtin_memcpy(lowers, lower, sizeof lowers);
  uint16_t half[CHUNK];
  for (size_t j = 0; j < CHUNK; j++) half[j] = (uint16_t)(2 * j + 1);
  __builtin_memcpy(&halves, half, sizeof halves);
  size_t count = 0;
  for (size_t i = 0; i < r->chunk_count * CHUNK; i += CHUNK) {
    __m512i groups = _mm512_srli_epi16(_mm512_loadu_si512(r->tags + i), TAG_BITS - GROUP_BITS);
    __m512i high = _mm512_permutex2var_epi16(
        _mm512_loadu_si512(r->bits + i), halves, _mm512_loadu_si512(r->bits + i + GROUP));
    __m512i most = _mm512_permutex2var_epi16(uppers[0], groups, uppers[1]);
    __m512i least = _mm512_permutex2var_epi16(lowers[0], groups, lowers[1]);
    __mmask32 is_dropped = _mm512_cmpgt_epu16_mask(high, most);
    __mmask32 is_open = _mm512_mask_cmpge_epu16_mask(~is_dropped, high, least);
    _mm512_mask_storeu_epi32(r->bits + i, (__mmask16)is_dropped, _mm512_set1_epi32(-1));
    _mm512_mask_storeu_epi32(
        r->bits + i + GROUP, (__mmask16)(is_dropped >> GROUP), _mm512_set1_epi32(-1));
    count += append_chunk_indices(is_open, i, r->open + count);
  }
  return count;
}
#endif

/// Lists the elements whose place matters.
SINTER_INLINE size_t list_open(const ranking *r) {
#if SINTER_WORDS == 8
  if (r->length >= LEAST_FOR_GROUPS) return SINTER_NAME(list_by_groups)(r);
#endif
  return SINTER_NAME(list_all)(r);
}

/// Decides on what is listed as far as buckets tell, and leaves the others in the list.
STEP size_t SINTER_NAME(decide_by_bucket)(const ranking *r, size_t count) {
  size_t left = 0;
  for (size_t j = 0; j < count; j++) {
    uint16_t element = r->open[j];
    uint32_t bits = r->bits[element];
    size_t bucket = r->tags[element] >> r->bucket_shift;
    uint32_t upper = r->thresholds[r->starts[bucket]];
    uint32_t lower = r->thresholds[r->starts[bucket + 1] - 1];
    r->bits[element] = bits >= upper ? UINT32_MAX : bits;
    r->open[left] = element;
    left += (bits >= lower) & (bits < upper);
  }
  return left;
}

/// Decides on an element whose place is known.
SINTER_INLINE void decide(const ranking *r, uint16_t element, size_t place) {
  r->bits[element] = r->bits[element] < r->thresholds[place] ? 0 : UINT32_MAX;
}

/// Marks the elements that have a tag. Returns their number.
STEP size_t SINTER_NAME(mark_equal)(const ranking *r, uint16_t tag) {
  uint16_t count = 0;
  for (size_t c = 0; c < r->chunk_count; c++) {
    uint32_t marks = marks_of_chunk(load_chunk(r->tags + c * CHUNK) == tag);
    r->marks[c] = marks;
    r->before[c] = count;
    count += (uint16_t)__builtin_popcount(marks);
  }
  return count;
}

/// The number of elements of a bucket that have a lower tag than one of them.
STEP size_t SINTER_NAME(count_lower)(const ranking *r, size_t bucket, uint16_t tag) {
  uint16_t first = (uint16_t)(bucket << r->bucket_shift), distance = tag - first;
  u16x32 lanes = 0;
  for (size_t c = 0; c < r->chunk_count; c++) {
    lanes -= (u16x32)((load_chunk(r->tags + c * CHUNK) - first) < distance);
  }
  return __builtin_reduce_add(lanes);
}

/// Lists the elements of a bucket.
STEP size_t SINTER_NAME(list_members)(const ranking *r, size_t bucket) {
  uint16_t mask = (uint16_t)(0xffffu << r->bucket_shift);
  uint16_t wanted = (uint16_t)(bucket << r->bucket_shift);
  size_t count = 0;
  for (size_t i = 0; i < r->chunk_count * CHUNK; i += CHUNK) {
    uint32_t marks = marks_of_chunk((load_chunk(r->tags + i) & mask) == wanted);
    // A bucket has few elements mostly.
    if (marks != 0) count += append_chunk_indices(marks, i, r->members + count);
  }
  return count;
}

/// Puts members in the order of a digit of their keys, the largest first, equal ones as they are.
SINTER_INLINE void sort_by_digit(const ranking *r, const double *row, int shift, size_t count) {
  uint16_t places[1 << DIGIT_BITS] = {0};
  uint64_t mask = (1 << DIGIT_BITS) - 1;
  for (size_t j = 0; j < count; j++) places[~(key_of(row, r->members[j]) >> shift) & mask]++;
  uint16_t place = 0;
  for (size_t digit = 0; digit <= mask; digit++) {
    uint16_t digit_count = places[digit];
    places[digit] = place;
    place += digit_count;
  }
  for (size_t j = 0; j < count; j++) {
    r->sorted[places[~(key_of(row, r->members[j]) >> shift) & mask]++] = r->members[j];
  }
}

/// Decides on all members of a bucket by sorting them.
static void SINTER_NAME(decide_all)(
    const ranking *r, const double *row, size_t start, size_t count) {
  uint64_t differences = 0;
  for (size_t j = 1; j < count; j++) differences |= r->keys[j] ^ r->keys[0];
  // Where weights have few bits, so do their differences: one digit is mostly enough.
  while (differences != 0) {
    int shift = __builtin_ctzll(differences);
    sort_by_digit(r, row, shift, count);
    __builtin_memcpy(r->members, r->sorted, count * sizeof *r->members);
    differences &= ~((((uint64_t)1 << DIGIT_BITS) - 1) << shift);
  }
  for (size_t j = 0; j < count; j++) decide(r, r->members[j], start + j);
}

/// The number of members that come before an element: the larger, and equal ones of lower index.
SINTER_INLINE size_t count_before(
    const ranking *r, const double *row, uint16_t element, size_t count) {
  uint64_t key = key_of(row, element), before = 0;
  for (size_t j = 0; j < count; j++) {
    before += (r->keys[j] > key) | ((r->keys[j] == key) & (r->members[j] < element));
  }
  return before;
}

/// Decides on those chosen from a bucket by looking at all of its members.
STEP void SINTER_NAME(decide_among_members)(
    const ranking *r, const double *row, size_t bucket, size_t count) {
  size_t start = r->starts[bucket], members = SINTER_NAME(list_members)(r, bucket);
  for (size_t j = 0; j < members; j++) r->keys[j] = key_of(row, r->members[j]);
  if (count > FEW_ELEMENTS) {
    SINTER_NAME(decide_all)(r, row, start, members);
    return;
  }
  for (size_t j = 0; j < count; j++) {
    decide(r, r->chosen[j], start + count_before(r, row, r->chosen[j], members));
  }
}

/// Decides on those chosen from a bucket that have the tag of the first, which tells its magnitude.
/// Leaves the others, and returns their number.
SINTER_INLINE size_t decide_equal(const ranking *r, size_t bucket, size_t count) {
  uint16_t tag = r->tags[r->chosen[0]];
  size_t start = r->starts[bucket], size = r->starts[bucket + 1] - start, left = 0;
  // Mostly all of a bucket are alike.
  if (SINTER_NAME(mark_equal)(r, tag) != size) start += SINTER_NAME(count_lower)(r, bucket, tag);
  for (size_t j = 0; j < count; j++) {
    uint16_t element = r->chosen[j];
    size_t chunk = element / CHUNK;
    uint32_t before = r->marks[chunk] & ((1u << element % CHUNK) - 1);
    if (r->tags[element] == tag) {
      decide(r, element, start + r->before[chunk] + (size_t)__builtin_popcount(before));
    } else {
      r->chosen[left++] = element;
    }
  }
  return left;
}

/// Moves the elements of a bucket from the list to the chosen. Returns their number.
SINTER_INLINE size_t choose_bucket(const ranking *r, size_t bucket, size_t count) {
  size_t left = 0, chosen = 0;
  for (size_t j = 0; j < count; j++) {
    uint16_t element = r->open[j];
    size_t is_chosen = r->tags[element] >> r->bucket_shift == bucket;
    r->chosen[chosen] = element;
    r->open[left] = element;
    chosen += is_chosen;
    left += 1 - is_chosen;
  }
  return chosen;
}

/// Decides on what is listed by its place.
STEP void SINTER_NAME(decide_by_place)(const ranking *r, const double *row, size_t count) {
  while (count > 0) {
    size_t bucket = r->tags[r->open[0]] >> r->bucket_shift;
    size_t chosen = choose_bucket(r, bucket, count);
    count -= chosen;
    for (int tags = 0; chosen > 0; tags++) {
      if (tags == MOST_TAGS || (r->tags[r->chosen[0]] & 1) == 0) {
        SINTER_NAME(decide_among_members)(r, row, bucket, chosen);
        break;
      }
      chosen = decide_equal(r, bucket, chosen);
    }
  }
}

SINTER_INLINE int next_power_bits(size_t count) {
  int bits = 0;
  while ((size_t)1 << bits < count) bits++;
  return bits;
}

/// A piece of the scratch for so many numbers, and room for a vector register behind them.
#define TAKE(pointer, count)                            \
  (pointer) = (void *)scratch;                          \
  scratch += ((count) * sizeof *(pointer) + 64 + 63) / 64 * 64

SINTER_INLINE ranking make_ranking(size_t length, char *scratch) {
  ranking r;
  int bucket_bits = next_power_bits((length + 3) / 4);
  bucket_bits = bucket_bits < LEAST_BUCKET_BITS ? LEAST_BUCKET_BITS : bucket_bits;
  r.length = length;
  r.chunk_count = (length + CHUNK - 1) / CHUNK;
  r.bucket_count = ((size_t)1 << bucket_bits) - ZERO_BUCKETS;
  r.bucket_shift = TAG_BITS - bucket_bits;
  size_t padded = r.chunk_count * CHUNK;
  TAKE(r.thresholds, padded + 1);
  TAKE(r.bits, padded);
  TAKE(r.tags, padded);
  TAKE(r.open, length);
  TAKE(r.chosen, length);
  TAKE(r.members, length);
  TAKE(r.keys, length);
  TAKE(r.counts, PARTS * (r.bucket_count + ZERO_BUCKETS));
  TAKE(r.starts, r.bucket_count + ZERO_BUCKETS + 1);
  TAKE(r.marks, r.chunk_count);
  TAKE(r.before, r.chunk_count);
  // Where a bucket is sorted all of it is decided on, and the choice from it has served.
  r.sorted = r.chosen;
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
  for (size_t place = r->length; place <= r->chunk_count * CHUNK; place++) {
    r->thresholds[place] = (uint32_t)least;
  }
  return least > 0 && most <= UINT32_MAX - UINT16_MAX && least <= most;
}

/// Decides on all elements of a vector. Returns whether there is one that is not zero; if not,
/// nothing was done.
SINTER_INLINE int rank_vector(
    const ranking *r, uint64_t seed, uint64_t stream, uint64_t index, const double *vector) {
  int is_zero;
  uint32_t largest = SINTER_NAME(largest_half)(vector, r->length, &is_zero);
  if (is_zero) return 0;
  SINTER_NAME(random_words)(seed, stream, index, r->bits, r->length);
  SINTER_NAME(find_tags)(r, vector, largest);
  SINTER_NAME(count_buckets)(r);
  size_t left = SINTER_NAME(decide_by_bucket)(r, list_open(r));
  SINTER_NAME(decide_by_place)(r, vector, left);
  return 1;
}

int SINTER_NAME(drop_ranked)(
    uint64_t seed, uint64_t stream, uint64_t index, double low, double width, double *row,
    size_t length, size_t vector_count, void *scratch) {
  ranking r = make_ranking(length, scratch);
  if (!find_thresholds(&r, low, width)) return 0;
  uint32_t most = r.thresholds[0];
  for (size_t v = 0; v < vector_count; v++) {
    double *vector = row + v * length;
    if (!rank_vector(&r, seed, stream, index + v * length, vector)) {
      __builtin_memset(vector, 0, length * sizeof *vector);
      continue;
    }
    size_t i = 0;
    for (; i + GROUP <= length; i += GROUP) {
      store(kept(load(vector + i), r.bits + i, most), vector + i);
    }
    drop_few(r.bits + i, most, vector + i, 0, length - i);
  }
  return 1;
}

int SINTER_NAME(sums_of_ranked)(
    uint64_t seed, uint64_t stream, uint64_t index, double low, double width, const double *row,
    const double *base, uint16_t *marks, size_t length, size_t vector_count, void *scratch,
    double *all, double *some) {
  double *vector = scratch;
  ranking r = make_ranking(length, (char *)(vector + length));
  if (!find_thresholds(&r, low, width)) return 0;
  uint32_t most = r.thresholds[0];
  f64x16 lanes = 0, kept_lanes = 0;
  for (size_t v = 0; v < vector_count; v++, row += length, base += length) {
    for (size_t i = 0; i < length; i += GROUP) {
      f64x16 values = load(row + i) - load(base + i);
      lanes += magnitude(values);
      store(values, vector + i);
    }
    int has_any = rank_vector(&r, seed, stream, index + v * length, vector);
    for (size_t i = 0; i < length; i += GROUP) {
      uint32_t limit = has_any ? most : 0;
      kept_lanes += magnitude(kept(load(vector + i), r.bits + i, limit));
      *marks++ = marks_of(*(const u32x16_memory *)(r.bits + i) < limit);
    }
  }
  *all = total(lanes);
  *some = total(kept_lanes);
  return 1;
}

#undef LEAST_BUCKET_BITS
#undef RANGE_BITS
#undef ZERO_BUCKETS
#undef TAG_BITS
#undef TAG_SHIFT
#undef GROUP_BITS
#undef LEAST_FOR_GROUPS
#undef PARTS
#undef MOST_TAGS
#undef FEW_ELEMENTS
#undef DIGIT_BITS
#undef STEP
#undef TAKE
