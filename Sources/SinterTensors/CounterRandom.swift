/// Random bits that depend on nothing but a key and the index of an element.
///
/// The generator keeps no state: whoever asks for element `i` gets the same bits, whatever was
/// asked before, on whichever thread or machine. It is Philox4x32-10; the seed is its key, the
/// stream and a quarter of the index are its counter, and one block gives four elements.
///
/// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
/// <https://doi.org/10.1145/2063384.2063405>.
public struct CounterRandom: Sendable, Hashable {
  /// The key, chosen once for a whole merge.
  public let seed: UInt64
  /// Which of the seed's sequences: one for each tensor of each model.
  public let stream: UInt64

  /// Makes the sequence of a seed and a stream.
  ///
  /// - Parameters:
  ///   - seed: any number.
  ///   - stream: any number; ``stream(model:tensor:)`` gives one for a tensor.
  public init(seed: UInt64, stream: UInt64) {
    self.seed = seed
    self.stream = stream
  }

  /// The stream of one tensor of one model.
  ///
  /// It is the 64-bit FNV-1a hash of the name's UTF-8 bytes followed by the position's eight
  /// bytes, lowest first, and then the finalizer of SplitMix64. Results of merges depend on it: it
  /// never changes.
  ///
  /// - Parameters:
  ///   - position: the place of the model in the recipe, from 0.
  ///   - name: the name of the tensor.
  /// - Returns: a number that differs, but for a chance of 2^-64, between all tensors and models.
  public static func stream(model position: Int, tensor name: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var rest = UInt64(bitPattern: Int64(position))
    for _ in 0..<8 {
      hash = (hash ^ (rest & 0xff)) &* 0x100_0000_01b3
      rest >>= 8
    }
    hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
    hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
    return hash ^ (hash >> 31)
  }

  /// The bits of one element.
  ///
  /// - Parameter index: the index of the element, at least 0.
  /// - Returns: 32 bits, each 0 or 1 with the same probability.
  public func uniform32(at index: Int) -> UInt32 {
    precondition(index >= 0, "an element has no negative index")
    let block = Philox.block(counter: counter(UInt64(index) >> 2), key: key)
    return block[index & 3]
  }

  /// The bits of consecutive elements, the same as ``uniform32(at:)`` gives one by one.
  ///
  /// - Parameters:
  ///   - out: receives the bits.
  ///   - index: the index of the element that the first place of `out` belongs to, at least 0.
  public func fill(_ out: inout MutableSpan<UInt32>, from index: Int) {
    precondition(index >= 0 && index <= .max - out.count, "an element has no such index")
    Kernels.fill(&out, self, from: index)
  }

  /// What an element's bits must stay below for it to be kept with a probability.
  ///
  /// An element is kept when `UInt64(bits) < threshold`. Probability 0 keeps none, 1 keeps all.
  ///
  /// - Parameter probability: 0...1.
  /// - Returns: probability × 2^32, rounded to the nearest integer, ties up.
  public static func threshold(for probability: Double) -> UInt64 {
    precondition(probability >= 0 && probability <= 1, "a probability lies in 0...1")
    return UInt64(probability * 0x1p32 + 0.5)
  }

  private var key: SIMD2<UInt32> {
    SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  private func counter(_ block: UInt64) -> SIMD4<UInt32> {
    SIMD4(
      UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
  }
}

/// The block function Philox4x32-10: a bijection of 128-bit counters for each 64-bit key.
package enum Philox {
  /// Four words, each in the low half of 64 bits, where the products are computed.
  struct State {
    var a, b, c, d: UInt64

    @inline(__always)
    init(counter: SIMD4<UInt32>) {
      (a, b) = (UInt64(counter.x), UInt64(counter.y))
      (c, d) = (UInt64(counter.z), UInt64(counter.w))
    }

    @inline(__always)
    mutating func encrypt(key: SIMD2<UInt32>) {
      var (k0, k1) = (key.x, key.y)
      for _ in 0..<10 {
        let p = 0xd251_1f53 &* (a & 0xffff_ffff)
        let q = 0xcd9e_8d57 &* (c & 0xffff_ffff)
        (a, b) = (q >> 32 ^ b ^ UInt64(k0), q)
        (c, d) = (p >> 32 ^ d ^ UInt64(k1), p)
        k0 &+= 0x9e37_79b9
        k1 &+= 0xbb67_ae85
      }
    }
  }

  /// Encrypts one counter.
  ///
  /// - Parameters:
  ///   - counter: four words, lowest first.
  ///   - key: two words, lowest first.
  /// - Returns: four words of random bits.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var state = State(counter: counter)
    state.encrypt(key: key)
    return SIMD4(
      UInt32(truncatingIfNeeded: state.a), UInt32(truncatingIfNeeded: state.b),
      UInt32(truncatingIfNeeded: state.c), UInt32(truncatingIfNeeded: state.d))
  }
}
