import SinterTensors
import Testing

@Suite struct CounterRandomTests {
  /// The vectors published with the authors' Random123 library.
  @Test func knownAnswers() {
    #expect(
      Philox.block(counter: .zero, key: .zero)
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func seedStreamAndIndexAreKeyAndCounter() {
    let random = CounterRandom(seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e)
    let index = 0x0123_4567_89ab_cdec
    let block = UInt64(index / 4)
    let expected = Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: block), UInt32(block >> 32), 0x1319_8a2e, 0x0370_7344),
      key: SIMD2(0xa409_3822, 0x299f_31d0))
    for i in 0..<4 { #expect(random.uniform32(at: index + i) == expected[i]) }
  }

  @Test(arguments: [0, 1, 2, 3, 4, 1_000_001, 4 * (1 << 32) - 40, .max - 5_000])
  func fillGivesWhatEachElementGives(base: Int) {
    let random = CounterRandom(seed: 12, stream: 0xffff_ffff_ffff_fff1)
    for count in Array(0...70) + [255, 1_021] {
      for start in base..<(base + 4) {
        let expected = (0..<count).map { random.uniform32(at: start + $0) }
        for level in KernelLevel.available {
          var words = [UInt32](repeating: 0, count: count)
          KernelLevel.with(level) {
            var span = words.mutableSpan
            random.fill(&span, from: start)
          }
          #expect(words == expected, "from \(start), \(count) elements, \(level)")
        }
      }
    }
  }

  /// Results of merges depend on these numbers: they never change.
  @Test func streamsAreStable() {
    let known: [(Int, String, UInt64)] = [
      (0, "", 0x813f_0174_a236_7c13),
      (0, "lm_head.weight", 0x4ba7_a363_230c_098b),
      (1, "lm_head.weight", 0xdc00_e92a_0624_743d),
      (0, "model.layers.0.mlp.up_proj.weight", 0x68dd_4013_2b9f_0cd2),
      (3, "größe", 0xc96e_570b_4cb0_b458),
    ]
    for (position, name, stream) in known {
      #expect(CounterRandom.stream(model: position, tensor: name) == stream)
    }
  }

  @Test func streamsDiffer() {
    var streams: Set<UInt64> = []
    for position in 0..<10 {
      for layer in 0..<100 {
        streams.insert(CounterRandom.stream(model: position, tensor: "layers.\(layer).weight"))
      }
    }
    #expect(streams.count == 1_000)
  }

  @Test func thresholds() {
    #expect(CounterRandom.threshold(for: 0) == 0)
    #expect(CounterRandom.threshold(for: 1) == 1 << 32)
    #expect(CounterRandom.threshold(for: 0.5) == 1 << 31)
    #expect(CounterRandom.threshold(for: 0x1p-32) == 1)
    #expect(CounterRandom.threshold(for: 0x1p-34) == 0)
    #expect(CounterRandom.threshold(for: 1 - 0x1p-32) == 0xffff_ffff)
    #expect(CounterRandom.threshold(for: 0.1) == 429_496_730)
  }

  static func words(seed: UInt64, stream: UInt64, count: Int = 1 << 15) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: count)
    var span = words.mutableSpan
    CounterRandom(seed: seed, stream: stream).fill(&span, from: 0)
    return words
  }

  /// 255 degrees of freedom: 255 ± 22.6, and six standard deviations are never seen.
  static func expectUniform(_ bytes: some Sequence<UInt32>, count: Int) {
    var bins = [Double](repeating: 0, count: 256)
    for byte in bytes { bins[Int(byte & 0xff)] += 1 }
    let expected = Double(count) / 256
    let squares = bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    #expect(squares > 120 && squares < 390)
  }

  @Test(arguments: [(0, 0), (0, 1), (1, 0), (42, 0x4ba7_a363_230c_098b)] as [(UInt64, UInt64)])
  func eachByteIsUniform(seed: UInt64, stream: UInt64) {
    let words = Self.words(seed: seed, stream: stream)
    for shift in [0, 8, 16, 24] as [UInt32] {
      Self.expectUniform(words.lazy.map { $0 >> shift }, count: words.count)
    }
  }

  @Test func sequencesOfOtherKeysAreIndependent() {
    let base = Self.words(seed: 7, stream: 9)
    let others = [
      Self.words(seed: 8, stream: 9), Self.words(seed: 7, stream: 10),
      Self.words(seed: 9, stream: 7), Self.words(seed: 7 | 1 << 63, stream: 9),
      Array(base.dropFirst()) + [0],
    ]
    for other in others {
      let mixed = zip(base, other).map { $0 ^ $1 }
      Self.expectUniform(mixed, count: mixed.count)
      Self.expectUniform(mixed.map { $0 >> 24 }, count: mixed.count)
      let both = zip(base, other).count { $0 < 1 << 30 && $1 < 1 << 30 }
      // 1/16 of 32,768 is 2,048, with a standard deviation of 44.
      #expect(abs(both - 2_048) < 260)
    }
  }

  @Test(arguments: [0, 0.1, 0.5, 0.9, 1])
  func aThresholdKeepsItsShare(probability: Double) {
    let words = Self.words(seed: 3, stream: 4)
    let threshold = CounterRandom.threshold(for: probability)
    let kept = Double(words.count { UInt64($0) < threshold })
    let count = Double(words.count)
    let deviation = (count * probability * (1 - probability)).squareRoot()
    #expect(abs(kept - count * probability) <= 5 * deviation)
  }
}
