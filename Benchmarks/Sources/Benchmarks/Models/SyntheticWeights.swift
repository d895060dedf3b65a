import Foundation
import SinterTensors

/// Weights that look like those of a base model and its fine-tunes, the same on every machine.
///
/// A base's matrices are normal with a standard deviation of about 0.02, its vectors stay close to
/// 0.4. A fine-tune adds differences with heavy tails, most of them of the size of a rounding to
/// bfloat16, so that a part of its elements stays what it was; some of what changes is the same in
/// all fine-tunes, so that their differences are no more at right angles than real ones. All are
/// wider in some rows than in others, by a factor that is itself at random.
struct SyntheticWeights: Sendable {
  private let seed: UInt64
  /// Draws from the standard normal distribution, from which elements pick.
  private let normal: [Float]
  /// Draws from a distribution of mean 0 and deviation 1 with heavier tails.
  private let heavy: [Float]

  private static let draws = 65_536

  init(seed: UInt64) {
    self.seed = seed
    let random = CounterRandom(seed: seed, stream: 0)
    let normal = (0..<Self.draws).map { index in
      let radius = (-2 * log((Double(random.uniform32(at: 2 * index)) + 0.5) / 0x1p32)).squareRoot()
      let angle = 2 * Double.pi * Double(random.uniform32(at: 2 * index + 1)) / 0x1p32
      return radius * cos(angle)
    }
    self.normal = normal.map { Float($0) }
    let cubes = normal.map { $0 * $0.magnitude }
    let square = cubes.reduce(0) { $0 + $1 * $1 } / Double(cubes.count)
    heavy = cubes.map { Float($0 / square.squareRoot()) }
  }

  /// The elements of some rows of a tensor as bfloat16, appended to nothing: they replace what is
  /// in the array.
  ///
  /// - Parameters:
  ///   - rows: which rows of the tensor; a vector is one row.
  ///   - tensor: the name of the tensor.
  ///   - length: the elements of a row.
  ///   - isVector: whether the tensor has one axis.
  ///   - model: 0 for the base, 1 and more for its fine-tunes.
  ///   - elements: receives the bits.
  func fill(
    rows: Range<Int>, of tensor: String, length: Int, isVector: Bool, model: Int,
    into elements: inout [UInt16]
  ) {
    let base = CounterRandom.stream(model: 0, tensor: tensor) ^ seed
    let common = CounterRandom.stream(model: -1, tensor: tensor) ^ seed
    let own = CounterRandom.stream(model: model, tensor: tensor) ^ seed
    let (normal, heavy) = (normal.span, heavy.span)
    var out = elements.mutableSpan
    for row in rows {
      let start = (row - rows.lowerBound) * length
      let place = UInt64(row * ((length + 3) / 4 + 1))
      let mean: Float = isVector ? 0.4 : 0
      let spread = (isVector ? 0.05 : 0.02) * width(of: row, in: base, by: 0.3)
      let change = (isVector ? 0.002 : 0.00015) * width(of: row, in: own, by: 0.7)
      for quad in 0..<(length + 3) / 4 {
        let index = place &+ UInt64(quad)
        let step = index &* 0x9e37_79b9_7f4a_7c15
        var bits = Self.mixed(base &+ step)
        var commonBits = model == 0 ? 0 : Self.mixed(common &+ step)
        var ownBits = model == 0 ? 0 : Self.mixed(own &+ step)
        for element in start + 4 * quad..<start + min(4 * quad + 4, length) {
          let weight = Self.rounded(mean + spread * normal[Int(bits & 0xffff)])
          bits >>= 16
          if model == 0 {
            out[element] = weight
          } else {
            let value = Float(bitPattern: UInt32(weight) << 16)
            let difference =
              0.6 * heavy[Int(commonBits & 0xffff)] + 0.8 * heavy[Int(ownBits & 0xffff)]
            out[element] = Self.rounded(value + change * difference)
            commonBits >>= 16
            ownBits >>= 16
          }
        }
      }
    }
  }

  /// How much wider than others a row is.
  private func width(of row: Int, in stream: UInt64, by spread: Double) -> Float {
    let bits = Self.mixed(stream &+ UInt64(row) &* 0xd1b5_4a32_d192_ed03)
    return Float(exp(spread * Double(normal[Int(bits & 0xffff)])))
  }

  /// The finalizer of SplitMix64.
  @inline(__always)
  private static func mixed(_ value: UInt64) -> UInt64 {
    var hash = value
    hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
    hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
    return hash ^ (hash >> 31)
  }

  /// The bits of the nearest bfloat16, to even.
  @inline(__always)
  private static func rounded(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
  }
}
