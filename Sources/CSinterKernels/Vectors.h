// Groups of sixteen elements, whatever the width of the registers, and loads and stores of them.

#define SINTER_INLINE static inline __attribute__((always_inline))
/// The number of elements of a group.
#define GROUP 16

#define VECTOR(element, count) element __attribute__((ext_vector_type(count)))
typedef VECTOR(double, 16) f64x16;
typedef VECTOR(double, 8) f64x8;
typedef VECTOR(double, 4) f64x4;
typedef VECTOR(double, 2) f64x2;
typedef VECTOR(float, 16) f32x16;
// `long` of 64 bits is what comparisons give; int64_t is another type on some systems.
typedef VECTOR(long, 16) i64x16;
typedef VECTOR(unsigned long, 16) u64x16;
typedef VECTOR(int32_t, 16) i32x16;
typedef VECTOR(uint32_t, 16) u32x16;
typedef VECTOR(int16_t, 16) i16x16;
typedef VECTOR(uint16_t, 16) u16x16;
typedef VECTOR(uint8_t, 16) u8x16;

// The same for memory that is aligned to its elements only.
typedef f64x16 f64x16_memory __attribute__((aligned(8)));
typedef f32x16 f32x16_memory __attribute__((aligned(4)));
typedef u32x16 u32x16_memory __attribute__((aligned(4)));
typedef u16x16 u16x16_memory __attribute__((aligned(2)));
typedef u8x16 u8x16_memory __attribute__((aligned(1)));

SINTER_INLINE f64x16 load(const double *row) { return *(const f64x16_memory *)row; }
SINTER_INLINE void store(f64x16 values, double *row) { *(f64x16_memory *)row = values; }

/// The first elements of a row, fewer than a group, with zeros behind them.
SINTER_INLINE f64x16 load_first(const double *row, size_t count) {
  double values[GROUP] = {0};
  for (size_t i = 0; i < count; i++) values[i] = row[i];
  return load(values);
}

/// A group, or the first elements of one.
SINTER_INLINE f64x16 load_some(const double *row, size_t count) {
  return count == GROUP ? load(row) : load_first(row, count);
}

/// The first elements of a group, fewer than all, to a row.
SINTER_INLINE void store_first(f64x16 values, double *row, size_t count) {
  double all[GROUP];
  store(values, all);
  for (size_t i = 0; i < count; i++) row[i] = all[i];
}

/// Of each lane the first where the mask is -1, the second where it is 0.
SINTER_INLINE f64x16 choose(i64x16 mask, f64x16 first, f64x16 second) {
  return (f64x16)((mask & (i64x16)first) | (~mask & (i64x16)second));
}
SINTER_INLINE u32x16 choose32(i32x16 mask, u32x16 first, u32x16 second) {
  return ((u32x16)mask & first) | (~(u32x16)mask & second);
}

/// The number of lanes of a sum of masks, each of them -1 or 0.
SINTER_INLINE size_t count_lanes(i32x16 masks) {
  uint32_t count = 0;
  for (int i = 0; i < GROUP; i++) count -= (uint32_t)masks[i];
  return count;
}

/// Sixteen bits, one for each lane of a group, the first lowest.
typedef VECTOR(_Bool, 16) b1x16;

SINTER_INLINE uint16_t marks_of_bits(b1x16 bits) {
  uint16_t marks;
  __builtin_memcpy(&marks, &bits, sizeof marks);
  return marks;
}

/// The bits of the lanes of a mask that are -1.
SINTER_INLINE uint16_t marks_of(i32x16 mask) {
  return marks_of_bits(__builtin_convertvector(mask, b1x16));
}
SINTER_INLINE uint16_t marks_of64(i64x16 mask) {
  return marks_of_bits(__builtin_convertvector(mask, b1x16));
}

/// The mask that is -1 in the lanes whose bits are set.
SINTER_INLINE i32x16 lanes32_of(uint16_t marks) {
  b1x16 bits;
  __builtin_memcpy(&bits, &marks, sizeof marks);
  return -__builtin_convertvector(bits, i32x16);
}
SINTER_INLINE i64x16 lanes_of(uint16_t marks) {
  b1x16 bits;
  __builtin_memcpy(&bits, &marks, sizeof marks);
  return -__builtin_convertvector(bits, i64x16);
}
