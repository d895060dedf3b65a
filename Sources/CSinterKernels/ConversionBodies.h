// The layout of a binary float of 8 or 16 bits whose exponent range is smaller than a float's.
typedef struct {
  /// The widths of the fields.
  uint32_t exponent_bits, mantissa_bits;
  /// Whether the exponent field of ones means ordinary numbers, but for the mantissa of ones, which
  /// is NaN; there is no infinity then.
  int is_finite;
} small_float;

#define F16 ((small_float){5, 10, 0})
#define E4M3 ((small_float){4, 3, 1})
#define E5M2 ((small_float){5, 2, 0})

SINTER_INLINE uint32_t sign_mask(small_float type) {
  return 1u << (type.exponent_bits + type.mantissa_bits);
}

/// The lowest magnitude pattern that is not a finite number.
SINTER_INLINE uint32_t first_nonfinite(small_float type) {
  return sign_mask(type) - (type.is_finite ? 1 : 1u << type.mantissa_bits);
}

/// The difference of the exponent biases, in a float's exponent field.
SINTER_INLINE uint32_t rebias(small_float type) {
  return (127 - ((1u << (type.exponent_bits - 1)) - 1)) << 23;
}

SINTER_INLINE f32x16 decoded(u32x16 bits, small_float type) {
  uint32_t shift = 23 - type.mantissa_bits;
  u32x16 magnitude = bits & (sign_mask(type) - 1);
  u32x16 sign = (bits & sign_mask(type)) << (31 - type.exponent_bits - type.mantissa_bits);
  u32x16 shifted = magnitude << shift;
  u32x16 normal = shifted + rebias(type);
  // With the exponent of the smallest normal number in place of 0 the implicit bit appears;
  // subtracting that number takes it off again and normalizes.
  u32x16 one = rebias(type) + (1u << 23);
  u32x16 subnormal = (u32x16)((f32x16)(shifted + one) - (f32x16)one);
  u32x16 result = choose32(magnitude < (1u << type.mantissa_bits), subnormal, normal);
  u32x16 top = type.is_finite ? (u32x16)0x7fc00000u : normal + rebias(type);
  result = choose32(magnitude >= first_nonfinite(type), top, result);
  return (f32x16)(sign | result);
}

/// The nearest numbers, ties to even.
///
/// Beyond the largest they are infinity, or NaN where there is none; but where the caller knows that
/// no number is so large, and none NaN, it need not be looked at.
SINTER_INLINE u32x16 encoded(f32x16 values, small_float type, int are_small) {
  uint32_t shift = 23 - type.mantissa_bits;
  u32x16 magnitude = (u32x16)values & 0x7fffffffu;
  u32x16 sign =
      ((u32x16)values >> (31 - type.exponent_bits - type.mantissa_bits)) & sign_mask(type);
  // Below the smallest normal number the format is fixed point. A number whose last place is that
  // step makes the addition round to it.
  u32x16 anchor = rebias(type) + ((1 + shift) << 23);
  u32x16 subnormal = (u32x16)((f32x16)magnitude + (f32x16)anchor) - anchor;
  // Half a step less one, and one more when the last kept bit is odd: ties go to even.
  uint32_t half = (1u << (shift - 1)) - 1;
  u32x16 rounded = (magnitude + ((magnitude >> shift) & 1) + (half - rebias(type))) >> shift;
  u32x16 top = first_nonfinite(type);
  if (!are_small) rounded = choose32(rounded < top, rounded, top);
  u32x16 result = choose32(magnitude < rebias(type) + (1u << 23), subnormal, rounded);
  if (!are_small && !type.is_finite) {
    uint32_t quiet = 1u << (type.mantissa_bits - 1);
    u32x16 nan = top | quiet | ((magnitude >> shift) & (quiet - 1));
    result = choose32(magnitude > 0x7f800000u, nan, result);
  }
  return sign | result;
}

/// The nearest BF16 patterns, ties to even; NaN becomes quiet.
SINTER_INLINE u32x16 encoded_bf16(f32x16 values, int are_small) {
  u32x16 bits = (u32x16)values;
  u32x16 rounded = (bits + ((bits >> 16) & 1) + 0x7fff) >> 16;
  if (are_small) return rounded;
  return choose32((bits & 0x7fffffffu) > 0x7f800000u, (bits >> 16) | 0x40, rounded);
}

/// Floats that round to each type of 8 or 16 bits as the numbers themselves would.
///
/// A double is cut to 16 significant bits, and the last of them set when anything was cut off
/// (rounding to odd). It says "there was more", and with two bits more than the final type has the
/// second rounding is right. Moreover 16 bits are so few that the result is exact as a float, even
/// subnormal, from half the smallest BF16 number on.
/// Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008.
SINTER_INLINE f32x16 rounded_to_odd(f64x16 values) {
  uint64_t cut = (1ull << 37) - 1;
  u64x16 bits = (u64x16)values;
  // The addition carries into the last kept place exactly when a bit below is set.
  bits = (bits | ((bits & cut) + cut)) & ~cut;
  return __builtin_convertvector((f64x16)bits, f32x16);
}

// MARK: Widening

SINTER_INLINE f32x16 widened_bf16(u16x16 bits) {
  return (f32x16)(__builtin_convertvector(bits, u32x16) << 16);
}
SINTER_INLINE f32x16 widened_f16(u16x16 bits) {
  return decoded(__builtin_convertvector(bits, u32x16), F16);
}
SINTER_INLINE f32x16 widened_e4m3(u8x16 bits) {
  return decoded(__builtin_convertvector(bits, u32x16), E4M3);
}
SINTER_INLINE f32x16 widened_e5m2(u8x16 bits) {
  return decoded(__builtin_convertvector(bits, u32x16), E5M2);
}
SINTER_INLINE f32x16 widened_f32(f32x16 values) { return values; }

/// Widens groups; of the last one, if it is not full, the elements that there are. The largest
/// magnitude tells whether any element is not finite; only then they are counted.
#define WIDEN(name, element, vector, signed_vector, magnitude_bits, infinity)            \
  SINTER_INLINE f64x16 widen_group_##name(const element *source, signed_vector *largest) { \
    vector bits = *(const vector##_memory *)source;                                      \
    *largest = __builtin_elementwise_max(                                                \
        *largest, (signed_vector)bits & (signed_vector)magnitude_bits);                  \
    return __builtin_convertvector(widened_##name(bits), f64x16);                        \
  }                                                                                      \
  size_t SINTER_NAME(widen_##name)(const void *bytes, double *row, size_t count) {       \
    const element *source = bytes;                                                       \
    signed_vector largest = 0;                                                           \
    size_t i = 0;                                                                        \
    for (; i + GROUP <= count; i += GROUP) {                                             \
      store(widen_group_##name(source + i, &largest), row + i);                          \
    }                                                                                    \
    if (i < count) {                                                                     \
      element rest[GROUP] = {0};                                                         \
      for (size_t j = i; j < count; j++) rest[j - i] = source[j];                        \
      store_first(widen_group_##name(rest, &largest), row + i, count - i);               \
    }                                                                                    \
    if (__builtin_reduce_max(largest) < infinity) return 0;                              \
    return SINTER_NAME(count_nonfinite)(row, count);                                     \
  }

size_t SINTER_NAME(count_nonfinite)(const double *row, size_t count);

WIDEN(f32, float, f32x16, i32x16, 0x7fffffff, 0x7f800000)
WIDEN(bf16, uint16_t, u16x16, i16x16, 0x7fff, 0x7f80)
WIDEN(f16, uint16_t, u16x16, i16x16, 0x7fff, 0x7c00)
WIDEN(e4m3, uint8_t, u8x16, u8x16, 0x7f, 0x7f)
WIDEN(e5m2, uint8_t, u8x16, u8x16, 0x7f, 0x7c)
#undef WIDEN

size_t SINTER_NAME(widen_f64)(const void *bytes, double *row, size_t count) {
  const double *source = bytes;
  for (size_t i = 0; i < count; i++) row[i] = source[i];
  return SINTER_NAME(count_nonfinite)(row, count);
}

// MARK: Narrowing
//
// `nearly` gives the number that a last step rounds: `narrowed` in general, and faster where all
// magnitudes are small enough to stay finite.

SINTER_INLINE f32x16 nearly_f32(f64x16 values) { return __builtin_convertvector(values, f32x16); }
SINTER_INLINE f32x16 narrowed_f32(f32x16 values, int are_small) {
  (void)are_small;
  return values;
}

SINTER_INLINE f32x16 nearly_bf16(f64x16 values) { return rounded_to_odd(values); }
SINTER_INLINE u16x16 narrowed_bf16(f32x16 values, int are_small) {
  return __builtin_convertvector(encoded_bf16(values, are_small), u16x16);
}

SINTER_INLINE f32x16 nearly_f16(f64x16 values) { return rounded_to_odd(values); }
SINTER_INLINE u16x16 narrowed_f16(f32x16 values, int are_small) {
  return __builtin_convertvector(encoded(values, F16, are_small), u16x16);
}

SINTER_INLINE f32x16 nearly_e4m3(f64x16 values) { return rounded_to_odd(values); }
SINTER_INLINE u8x16 narrowed_e4m3(f32x16 values, int are_small) {
  return __builtin_convertvector(encoded(values, E4M3, are_small), u8x16);
}

SINTER_INLINE f32x16 nearly_e5m2(f64x16 values) { return rounded_to_odd(values); }
SINTER_INLINE u8x16 narrowed_e5m2(f32x16 values, int are_small) {
  return __builtin_convertvector(encoded(values, E5M2, are_small), u8x16);
}

/// Narrows groups; of the last one, if it is not full, the elements that there are. `last_small` is
/// the pattern of the largest float that does not become infinity or NaN.
///
/// All are taken for small until one was seen that is not; then all are done again.
#define NARROW(name, element, vector, last_small)                                        \
  SINTER_INLINE i32x16 narrow_all_##name(                                                \
      const double *row, element *target, size_t count, int are_small, i32x16 *large) {  \
    i32x16 largest = 0;                                                                  \
    size_t i = 0;                                                                        \
    for (; i + GROUP <= count; i += GROUP) {                                             \
      f32x16 values = nearly_##name(load(row + i));                                      \
      i32x16 magnitude = (i32x16)values & 0x7fffffff;                                    \
      largest = __builtin_elementwise_max(largest, magnitude);                           \
      if (!are_small) *large += magnitude > last_small;                                  \
      *(vector##_memory *)(target + i) = narrowed_##name(values, are_small);             \
    }                                                                                    \
    if (i < count) {                                                                     \
      f32x16 values = nearly_##name(load_first(row + i, count - i));                     \
      i32x16 magnitude = (i32x16)values & 0x7fffffff;                                    \
      largest = __builtin_elementwise_max(largest, magnitude);                           \
      if (!are_small) *large += magnitude > last_small;                                  \
      element rest[GROUP];                                                               \
      *(vector##_memory *)rest = narrowed_##name(values, are_small);                     \
      for (size_t j = i; j < count; j++) target[j] = rest[j - i];                        \
    }                                                                                    \
    return largest;                                                                      \
  }                                                                                      \
  size_t SINTER_NAME(narrow_##name)(const double *row, void *bytes, size_t count) {      \
    i32x16 large = 0;                                                                    \
    i32x16 largest = narrow_all_##name(row, bytes, count, 1, &large);                    \
    if (__builtin_reduce_max(largest) <= last_small) return 0;                           \
    narrow_all_##name(row, bytes, count, 0, &large);                                     \
    return count_lanes(large);                                                           \
  }

NARROW(f32, float, f32x16, 0x7f7fffff)
NARROW(bf16, uint16_t, u16x16, 0x7f7f7fff)
NARROW(f16, uint16_t, u16x16, 0x477fefff)
NARROW(e4m3, uint8_t, u8x16, 0x43e80000)
NARROW(e5m2, uint8_t, u8x16, 0x476fffff)
#undef NARROW

size_t SINTER_NAME(narrow_f64)(const double *row, void *bytes, size_t count) {
  double *target = bytes;
  for (size_t i = 0; i < count; i++) target[i] = row[i];
  return SINTER_NAME(count_nonfinite)(row, count);
}
