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

/// The nearest numbers, ties to even; beyond the largest infinity, or NaN where there is none.
SINTER_INLINE u32x16 encoded(f32x16 values, small_float type) {
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
  u32x16 rounded = (magnitude + half + ((magnitude >> shift) & 1) - rebias(type)) >> shift;
  u32x16 top = first_nonfinite(type);
  rounded = choose32(rounded < top, rounded, top);
  u32x16 result = choose32(magnitude < rebias(type) + (1u << 23), subnormal, rounded);
  if (!type.is_finite) {
    uint32_t quiet = 1u << (type.mantissa_bits - 1);
    u32x16 nan = top | quiet | ((magnitude >> shift) & (quiet - 1));
    result = choose32(magnitude > 0x7f800000u, nan, result);
  }
  return sign | result;
}

/// The nearest BF16 patterns, ties to even; NaN becomes quiet.
SINTER_INLINE u32x16 encoded_bf16(f32x16 values) {
  u32x16 bits = (u32x16)values;
  u32x16 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
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

/// Widens groups; of the last one, if it is not full, the elements that there are.
#define WIDEN(name, element, vector)                                                  \
  void SINTER_NAME(widen_##name)(const void *bytes, double *row, size_t count) {      \
    const element *source = bytes;                                                    \
    size_t i = 0;                                                                     \
    for (; i + GROUP <= count; i += GROUP) {                                          \
      f32x16 values = widened_##name(*(const vector##_memory *)(source + i));         \
      store(__builtin_convertvector(values, f64x16), row + i);                        \
    }                                                                                 \
    if (i == count) return;                                                           \
    element rest[GROUP] = {0};                                                        \
    for (size_t j = i; j < count; j++) rest[j - i] = source[j];                       \
    f32x16 values = widened_##name(*(const vector##_memory *)rest);                   \
    store_first(__builtin_convertvector(values, f64x16), row + i, count - i);         \
  }

WIDEN(f32, float, f32x16)
WIDEN(bf16, uint16_t, u16x16)
WIDEN(f16, uint16_t, u16x16)
WIDEN(e4m3, uint8_t, u8x16)
WIDEN(e5m2, uint8_t, u8x16)
#undef WIDEN

void SINTER_NAME(widen_f64)(const void *bytes, double *row, size_t count) {
  const double *source = bytes;
  for (size_t i = 0; i < count; i++) row[i] = source[i];
}

// MARK: Narrowing

SINTER_INLINE u16x16 narrowed_bf16(f64x16 values, i32x16 *nonfinite) {
  u32x16 bits = encoded_bf16(rounded_to_odd(values));
  *nonfinite += (bits & 0x7fff) >= 0x7f80;
  return __builtin_convertvector(bits, u16x16);
}
SINTER_INLINE u16x16 narrowed_f16(f64x16 values, i32x16 *nonfinite) {
  u32x16 bits = encoded(rounded_to_odd(values), F16);
  *nonfinite += (bits & (sign_mask(F16) - 1)) >= first_nonfinite(F16);
  return __builtin_convertvector(bits, u16x16);
}
SINTER_INLINE u8x16 narrowed_e4m3(f64x16 values, i32x16 *nonfinite) {
  u32x16 bits = encoded(rounded_to_odd(values), E4M3);
  *nonfinite += (bits & (sign_mask(E4M3) - 1)) >= first_nonfinite(E4M3);
  return __builtin_convertvector(bits, u8x16);
}
SINTER_INLINE u8x16 narrowed_e5m2(f64x16 values, i32x16 *nonfinite) {
  u32x16 bits = encoded(rounded_to_odd(values), E5M2);
  *nonfinite += (bits & (sign_mask(E5M2) - 1)) >= first_nonfinite(E5M2);
  return __builtin_convertvector(bits, u8x16);
}
SINTER_INLINE f32x16 narrowed_f32(f64x16 values, i32x16 *nonfinite) {
  f32x16 rounded = __builtin_convertvector(values, f32x16);
  *nonfinite += ((u32x16)rounded & 0x7fffffffu) >= 0x7f800000u;
  return rounded;
}
SINTER_INLINE f64x16 narrowed_f64(f64x16 values, i32x16 *nonfinite) {
  u64x16 magnitude = (u64x16)values & (~0ull >> 1);
  *nonfinite += __builtin_convertvector(magnitude >= (0x7ffull << 52), i32x16);
  return values;
}

/// Narrows groups; of the last one, if it is not full, the elements that there are.
#define NARROW(name, element, vector)                                                 \
  size_t SINTER_NAME(narrow_##name)(const double *row, void *bytes, size_t count) {   \
    element *target = bytes;                                                          \
    i32x16 nonfinite = 0;                                                             \
    size_t i = 0;                                                                     \
    for (; i + GROUP <= count; i += GROUP) {                                          \
      *(vector##_memory *)(target + i) = narrowed_##name(load(row + i), &nonfinite);  \
    }                                                                                 \
    if (i < count) {                                                                  \
      element rest[GROUP];                                                            \
      f64x16 values = load_first(row + i, count - i);                                 \
      *(vector##_memory *)rest = narrowed_##name(values, &nonfinite);                 \
      for (size_t j = i; j < count; j++) target[j] = rest[j - i];                     \
    }                                                                                 \
    return count_lanes(nonfinite);                                                    \
  }

NARROW(f64, double, f64x16)
NARROW(f32, float, f32x16)
NARROW(bf16, uint16_t, u16x16)
NARROW(f16, uint16_t, u16x16)
NARROW(e4m3, uint8_t, u8x16)
NARROW(e5m2, uint8_t, u8x16)
#undef NARROW
