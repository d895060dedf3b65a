/// An element type of the safetensors format.
///
/// The raw value is the name that the format writes into a header.
/// Source: <https://github.com/huggingface/safetensors>, `Dtype`.
public enum DType: String, Sendable, Hashable, CaseIterable {
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// Unsigned 8-bit integer.
  case uint8 = "U8"
  /// Signed 8-bit integer.
  case int8 = "I8"
  /// Unsigned 16-bit integer.
  case uint16 = "U16"
  /// Signed 16-bit integer.
  case int16 = "I16"
  /// Unsigned 32-bit integer.
  case uint32 = "U32"
  /// Signed 32-bit integer.
  case int32 = "I32"
  /// Unsigned 64-bit integer.
  case uint64 = "U64"
  /// Signed 64-bit integer.
  case int64 = "I64"
  /// 4-bit float, two elements to a byte.
  case float4 = "F4"
  /// 6-bit float, 2 exponent and 3 mantissa bits.
  case float6E2M3 = "F6_E2M3"
  /// 6-bit float, 3 exponent and 2 mantissa bits.
  case float6E3M2 = "F6_E3M2"
  /// 8-bit float with 4 exponent bits, no infinities, largest value 448 (OCP E4M3FN).
  case float8E4M3 = "F8_E4M3"
  /// 8-bit float with 5 exponent bits and infinities, largest value 57344 (OCP E5M2).
  case float8E5M2 = "F8_E5M2"
  /// 8-bit power of two, the scale of block formats (OCP E8M0).
  case float8E8M0 = "F8_E8M0"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper 16 bits of a binary32.
  case bfloat16 = "BF16"
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// IEEE 754 binary64.
  case float64 = "F64"
  /// Two binary32: real and imaginary part.
  case complex64 = "C64"

  /// The size of one element in bits.
  public var bitWidth: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E4M3, .float8E5M2, .float8E8M0: 8
    case .uint16, .int16, .float16, .bfloat16: 16
    case .uint32, .int32, .float32: 32
    case .uint64, .int64, .float64, .complex64: 64
    }
  }

  /// Whether the elements are real numbers that arithmetic can be done on.
  ///
  /// Integers, Booleans, complex numbers and the codes of block formats (F4, F6, F8_E8M0) are not:
  /// such tensors are copied, never merged.
  public var isFloatingPoint: Bool {
    switch self {
    case .float8E4M3, .float8E5M2, .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }
}
