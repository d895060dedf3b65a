import Testing

@testable import SinterTensors

/// Keys of rows as they are stored beside those of the same rows in Double.
@Suite struct KeyPassTests {
  /// A base and a row: a few steps apart, of any finite bits, and extremes; zeros of both signs and
  /// pairs that floats cannot subtract without rounding or at all are among the last two.
  static func rows(_ count: Int, _ content: Int, seed: UInt64) -> [[UInt16]] {
    var random = SplitMix64(seed: seed)
    let extremes: [UInt16] = [
      0, 0x8000, 1, 0x8001, 0x007f, 0x0080, 0x807f, 0x7f7f, 0xff7f, 0x3f80, 0xbf80, 0x3780, 0x3f81,
    ]
    var rows = [[UInt16]](repeating: [], count: 2)
    for i in 0..<count {
      let sign: UInt16 = Bool.random(using: &random) ? 0x8000 : 0
      let origin = UInt16.random(in: 0x3a00..<0x3d00, using: &random) | sign
      switch content {
      case 1:
        for row in 0..<2 {
          rows[row].append(UInt16.random(in: 0..<0x7f80, using: &random) | (row == 0 ? sign : 0))
        }
      case 2:
        for row in 0..<2 { rows[row].append(extremes.randomElement(using: &random) ?? 0) }
      default:
        rows[0].append(origin)
        rows[1].append(origin &+ UInt16.random(in: 0..<5, using: &random))
        // One pair among all others that takes a long difference.
        if content == 3, i == count / 2 { (rows[0][i], rows[1][i]) = (0x3f80, 0x3301) }
      }
    }
    return rows
  }

  static func value(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

  /// Everything that two passes say of what they saw.
  static func facts(_ passes: [KeyPass]) -> [[UInt64]] {
    passes.flatMap { pass in
      [
        [UInt64(pass.seen), UInt64(pass.above), UInt64(pass.zeros), pass.overflows ? 1 : 0],
        Array(pass.keys), pass.pieceEnds.map { UInt64($0) },
        pass.allBins().flatMap { [UInt64($0.count), $0.least, $0.greatest] },
      ]
    }
  }

  /// Brackets about the keys that there are, with and without atoms; some bounds are no floats.
  static func brackets(_ keys: [UInt64], _ random: inout SplitMix64) -> [KeyBracket] {
    let some = (0..<2).map { _ in keys.randomElement(using: &random) ?? 0 }.sorted()
    let inside = Set(keys.filter { $0 >= some[0] && $0 <= some[1] }).sorted()
    let strange = some[0] / 2 + some[1] / 2
    return [
      KeyBracket(low: 0, high: .max), KeyBracket(low: some[0], high: some[1]),
      KeyBracket(low: some[0], high: some[1], atoms: Array(inside.prefix(2))),
      KeyBracket(low: some[0], high: some[1], atoms: Array(inside.suffix(4))),
      KeyBracket(low: some[0] + 1, high: max(some[1], some[0] + 2) - 1),
      KeyBracket(low: strange, high: strange, atoms: [strange]),
      KeyBracket(low: 1, high: Double(Float.greatestFiniteMagnitude).bitPattern),
      KeyBracket(low: Double(Float.greatestFiniteMagnitude).bitPattern + 1, high: .max),
    ]
  }

  @Test(arguments: KernelLevel.available, 0..<4)
  func `stored rows have the keys of their differences in Double`(
    _ level: KernelLevel, content: Int
  ) {
    var random = SplitMix64(seed: UInt64(content))
    for (number, count) in [0, 1, 15, 16, 17, 33, 250, 4096, 5000].enumerated() {
      let rows = Self.rows(count, content, seed: UInt64(number))
      // A row between them, and gaps.
      let gap: [UInt16] = [0x7fc0, 0x7fc0]
      let elements = rows[0] + gap + rows[0] + gap + rows[1]
      let stored = StoredRows(elements.span, count: 3, length: count, stride: count + 2)
      let (base, row) = (rows[0].map(Self.value), rows[1].map(Self.value))
      let keys = zip(row, base).map { ($0 - $1).magnitude.bitPattern }
      let brackets = Self.brackets(keys, &random)
      var stages = brackets.map { KeySelection.Stage.collecting($0) }
      stages += [.sampling, .counting(brackets[0]), .counting(brackets[2])]
      KernelLevel.with(level) {
        for stage in stages {
          let other = stages.randomElement(using: &random) ?? stage
          var expected = [KeyPass(stage), KeyPass(other), KeyPass(stage)]
          var found = expected
          for place in expected.indices {
            expected[place].add(row.span, minus: base.span, mask: ~(1 << 63), tile: 3)
          }
          found[0].add(stored, row: 2, tile: 3)
          var (one, two) = (KeyPass(other), KeyPass(stage))
          KeyPass.add(stored, row: 2, tile: 3, to: &one, &two)
          (found[1], found[2]) = (one, two)
          #expect(
            Self.facts(found) == Self.facts(expected), "\(level), \(content), \(count), \(stage)")
        }
      }
    }
  }

  @Test(arguments: KernelLevel.available)
  func `of stored rows too only the tiles are looked at that were asked for`(_ level: KernelLevel) {
    let elements: [UInt16] = Array(repeating: 0, count: 20) + Array(repeating: 0x3f80, count: 20)
    let rows = StoredRows(elements.span, count: 2, length: 20, stride: 20)
    let stage = KeySelection.Stage.locating((1 as Double).bitPattern, kept: 25, within: 1..<3)
    KernelLevel.with(level) {
      var (one, two) = (KeyPass(stage), KeyPass(.sampling))
      for tile in 0..<4 { KeyPass.add(rows, row: 1, tile: tile, to: &one, &two) }
      #expect(one.seen == 40 && two.seen == 80)
      let found = one.find(last: 25, of: (1 as Double).bitPattern)
      #expect(found?.tiles == 2..<3 && found?.kept == 5)
    }
  }
}
