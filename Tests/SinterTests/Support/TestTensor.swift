import Safetensors
import SinterTensors

@testable import Sinter

/// A tensor that a test writes, or reads to look at.
struct TestTensor: Equatable {
  let name: String
  let dtype: DType
  let shape: [Int]
  let values: [Double]

  init(_ name: String, _ dtype: DType, _ shape: [Int], _ values: [Double]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.values = values
    precondition(values.count == Shape(shape).elementCount, "as many values as the shape says")
  }

  /// A tensor of seeded random numbers of ordinary weights' size, as the dtype can hold them.
  init(
    _ name: String, _ dtype: DType, _ shape: [Int], seed: UInt64, scale: Double = 0.02,
    around center: TestTensor? = nil
  ) {
    var random = TestRandom(seed: seed, name)
    let count = Shape(shape).elementCount
    let values = (0..<count).map { index in
      Self.stored((center?.values[index] ?? 0) + scale * random.normal(), dtype)
    }
    self.init(name, dtype, shape, values)
  }

  /// The value that a dtype stores for a number.
  static func stored(_ value: Double, _ dtype: DType) -> Double {
    switch dtype {
    case .bool: value == 0 ? 0 : 1
    case _ where dtype.isFloatingPoint:
      Conversion.value(ofBits: Conversion.bits(of: value, as: dtype), as: dtype)
    default: value.rounded()
    }
  }

  /// The stored bytes.
  var bytes: [UInt8] {
    values.flatMap { value -> [UInt8] in
      let bits =
        dtype.isFloatingPoint
        ? Conversion.bits(of: value, as: dtype) : UInt64(bitPattern: Int64(value))
      return (0..<dtype.bitWidth / 8).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
    }
  }

  /// Reads all tensors of a file.
  static func read(_ path: String) throws -> [TestTensor] {
    let file = try SafetensorsFile(path: path)
    return try file.tensors.map { tensor in
      let bytes = try file.bytes(of: tensor)
      let width = tensor.dtype.bitWidth / 8
      let values = stride(from: 0, to: bytes.count, by: width).map { start in
        var bits: UInt64 = 0
        for i in (0..<width).reversed() { bits = bits << 8 | UInt64(bytes[start + i]) }
        return tensor.dtype.isFloatingPoint
          ? Conversion.value(ofBits: bits, as: tensor.dtype) : Double(Int64(bitPattern: bits))
      }
      return TestTensor(tensor.name, tensor.dtype, tensor.shape.dimensions, values)
    }
  }

  /// Writes tensors to a file, in the order given.
  static func write(_ tensors: [TestTensor], to path: String) throws {
    var writer = try SafetensorsWriter.create(
      at: path,
      tensors: tensors.map {
        TensorDeclaration(name: $0.name, dtype: $0.dtype, shape: Shape($0.shape))
      }, existing: .replace)
    for (index, tensor) in tensors.enumerated() {
      let bytes = tensor.bytes
      try writer.write(bytes.span, tensor: index)
    }
    try writer.finish()
  }
}

/// Seeded random numbers for tests: splitmix64, and normal numbers by Box and Muller.
struct TestRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64, _ name: String = "") {
    state = name.utf8.reduce(seed &+ 0x9E37_79B9_7F4A_7C15) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to 1, 0 not included.
  mutating func uniform() -> Double { (Double(next() >> 11) + 1) * 0x1p-53 }

  mutating func normal() -> Double {
    let radius = (-2 * logarithm(uniform())).squareRoot()
    return radius * cosine(2 * .pi * uniform())
  }
}
