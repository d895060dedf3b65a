import SinterTensors

/// A seeded generator, so that a property test that fails fails again.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  /// A finite number of any magnitude, all exponents alike.
  mutating func nextFinite<T: WorkingFloat>(_ type: T.Type) -> T {
    while true {
      let pattern = next()
      let value =
        T.self == Float.self
        ? T(Float(bitPattern: UInt32(truncatingIfNeeded: pattern)))
        : T(Double(bitPattern: pattern))
      if value.isFinite { return value }
    }
  }
}
