// Dropping elements at random, the larger ones of a vector less often.
//
// An element is kept when its bits are below the threshold of its place in the order of magnitudes.
// Most bits are below the thresholds of all places, or of none. For the others magnitudes are counted
// in buckets, which tells between which places an element lies; only where the thresholds of these
// places differ in what they say, the elements of the bucket are sorted. Zeros need no decision.

/// Buckets of 64 to a power of two, from the largest magnitude down; the last takes all that is left.
#define BUCKETS 1024
#define BUCKET_SHIFT 46
/// Buckets for zeros, which are often half of the elements: one alone would have all wait for it.
#define ZERO_BUCKETS 8
/// The end of a list of elements.
#define NO_ELEMENT UINT16_MAX

/// Whether the first of two elements comes first: the larger, of equal ones that of lower index.
SINTER_INLINE int comes_first(const uint64_t *keys, uint32_t first, uint32_t second) {
  return keys[first] > keys[second] || (keys[first] == keys[second] && first < second);
}

SINTER_INLINE void sink(const uint64_t *keys, uint32_t *order, size_t place, size_t count) {
  uint32_t moved = order[place];
  for (size_t next; (next = 2 * place + 1) < count; place = next) {
    if (next + 1 < count && comes_first(keys, order[next], order[next + 1])) next++;
    if (!comes_first(keys, moved, order[next])) break;
    order[place] = order[next];
  }
  order[place] = moved;
}

/// Puts elements in the order of their magnitudes; they come in the order of their indices.
static void SINTER_NAME(sort)(const uint64_t *keys, uint32_t *order, size_t count) {
  if (count <= 32) {
    for (size_t i = 1; i < count; i++) {
      uint32_t moved = order[i];
      size_t place = i;
      for (; place > 0 && keys[moved] > keys[order[place - 1]]; place--) {
        order[place] = order[place - 1];
      }
      order[place] = moved;
    }
    return;
  }
  uint64_t differences = 0;
  for (size_t i = 1; i < count; i++) differences |= keys[order[i]] ^ keys[order[0]];
  if (differences == 0) return;
  for (size_t i = count / 2; i-- > 0;) sink(keys, order, i, count);
  for (size_t i = count; i-- > 1;) {
    uint32_t last = order[0];
    order[0] = order[i];
    order[i] = last;
    sink(keys, order, 0, i);
  }
}

typedef struct {
  uint64_t *thresholds, *keys;
  uint32_t *bits, *order;
  /// The bucket of each element, the next element of the same bucket, and elements to decide on.
  uint16_t *buckets, *next, *open;
} ranking_scratch;

/// Decides on all elements of a bucket: bits of 0 for those that are kept, all ones for the others.
static void SINTER_NAME(decide_bucket)(const ranking_scratch *s, uint16_t first, size_t place) {
  size_t count = 0;
  for (uint16_t i = first; i != NO_ELEMENT; i = s->next[i]) s->order[count++] = i;
  SINTER_NAME(sort)(s->keys, s->order, count);
  for (size_t j = 0; j < count; j++) {
    uint32_t *bits = s->bits + s->order[j];
    *bits = *bits < s->thresholds[place + j] ? 0 : UINT32_MAX;
  }
}

/// Fills keys and buckets, and drops zeros.
SINTER_INLINE void find_buckets(const ranking_scratch *s, const double *row, size_t length) {
  uint64_t largest = 0;
  for (size_t i = 0; i < length; i++) {
    uint64_t key;
    __builtin_memcpy(&key, row + i, sizeof key);
    key &= ~(1ull << 63);
    s->keys[i] = key;
    // Signs are gone, so that signed numbers will do.
    largest = (int64_t)key > (int64_t)largest ? key : largest;
  }
  uint32_t top = (uint32_t)(largest >> BUCKET_SHIFT);
  for (size_t i = 0; i < length; i++) {
    uint32_t bucket = top - (uint32_t)(s->keys[i] >> BUCKET_SHIFT);
    bucket = bucket < BUCKETS ? bucket : BUCKETS - 1;
    s->buckets[i] = (uint16_t)(s->keys[i] == 0 ? BUCKETS + i % ZERO_BUCKETS : bucket);
  }
  // Zeros come out without a sign, as what is dropped does.
  const uint64_t *keys = s->keys;
  uint32_t *bits = s->bits;
  for (size_t i = 0; i < length; i++) bits[i] |= keys[i] == 0 ? UINT32_MAX : 0;
}

/// Thins out one vector.
static void SINTER_NAME(drop_ranked_vector)(
    const ranking_scratch *s, double *row, size_t length, uint32_t least, uint32_t most) {
  find_buckets(s, row, length);
  uint16_t counts[BUCKETS + ZERO_BUCKETS], firsts[BUCKETS + ZERO_BUCKETS];
  __builtin_memset(counts, 0, sizeof counts);
  __builtin_memset(firsts, 0xff, sizeof firsts);
  for (size_t i = length; i-- > 0;) {
    uint16_t bucket = s->buckets[i];
    s->next[i] = firsts[bucket];
    firsts[bucket] = (uint16_t)i;
    counts[bucket]++;
  }
  uint16_t starts[BUCKETS + 1];
  uint16_t start = 0;
  for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
    starts[bucket] = start;
    start += counts[bucket];
  }
  starts[BUCKETS] = start;
  // Those whose place matters.
  size_t open = 0;
  for (size_t i = 0; i < length; i++) {
    s->open[open] = (uint16_t)i;
    open += (s->bits[i] >= least) & (s->bits[i] < most);
  }
  for (size_t i = 0; i < open; i++) {
    uint16_t element = s->open[i];
    uint32_t bits = s->bits[element];
    // Decided on with another of its bucket.
    if (bits < least || bits >= most) continue;
    uint16_t bucket = s->buckets[element];
    if (bits < s->thresholds[starts[bucket + 1] - 1]) continue;
    if (bits >= s->thresholds[starts[bucket]]) {
      s->bits[element] = UINT32_MAX;
    } else {
      SINTER_NAME(decide_bucket)(s, firsts[bucket], starts[bucket]);
    }
  }
  size_t i = 0;
  for (; i + GROUP <= length; i += GROUP) {
    store(kept(load(row + i), s->bits + i, most), row + i);
  }
  drop_few(s->bits + i, most, row + i, 0, length - i);
}

int SINTER_NAME(drop_ranked)(
    uint64_t seed, uint64_t stream, uint64_t index, double low, double width, double *row,
    size_t length, size_t vector_count, void *scratch) {
  ranking_scratch s;
  s.thresholds = scratch;
  s.keys = s.thresholds + length;
  s.bits = (uint32_t *)(s.keys + length);
  s.order = s.bits + length;
  s.buckets = (uint16_t *)(s.order + length);
  s.next = s.buckets + length;
  s.open = s.next + length;
  double last = (double)(length - 1);
  for (size_t place = 0; place < length; place++) {
    double share = (double)(int64_t)(length - 1 - place) / last;
    s.thresholds[place] = (uint64_t)(int64_t)((low + width * share) * 0x1p32 + 0.5);
  }
  uint64_t most = s.thresholds[0], least = s.thresholds[length - 1];
  // The marks of what is decided must lie outside.
  if (least == 0 || most > UINT32_MAX || most < least) return 0;
  for (size_t v = 0; v < vector_count; v++) {
    SINTER_NAME(random_words)(seed, stream, index + v * length, s.bits, length);
    SINTER_NAME(drop_ranked_vector)(
        &s, row + v * length, length, (uint32_t)least, (uint32_t)most);
  }
  return 1;
}

#undef BUCKETS
#undef BUCKET_SHIFT
#undef ZERO_BUCKETS
#undef NO_ELEMENT
