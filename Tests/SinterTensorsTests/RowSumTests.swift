import SinterTensors
import Testing

/// Sums of rows as they are stored beside the same in Double, one element at a time, rounded at the
/// end: every bit, at each level.
@Suite struct RowSumTests {
  /// What the elements of rows are like.
  enum Content: CaseIterable {
    /// A few steps apart, as fine-tunes are; most sums with short coefficients are ties or exact.
    case neighbours
    /// Of like size.
    case ordinary
    /// Any finite bits, so that sums may overflow.
    case anyFinite
    /// Zeros, the smallest and the largest numbers, and ordinary ones.
    case extremes
    /// The same in all rows, half of the time.
    case alike
  }

  static let coefficients: [[Double]] = [
    [0.5, 0.5], [0.25, 0.75], [0.3, 0.7], [1, -1], [-0.5, 1.5], [0, 1], [1, 0], [0.1, 0.2],
    [0x1p-17, 0.5], [0x1p-16, 0x1.8p-15], [1e-50, 1], [1e-30, 1e30], [1e40, 2], [1000.5, -999.5],
    [3], [0.5], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.25, 0.25], [0.4, 0.4, 0.4], [-1, 0.7, 0.3],
    [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4], [0.125, 0.5, -0.25, 1, 2, 0.75],
  ]

  static func rows(_ content: Content, count: Int, length: Int, seed: UInt64) -> [[UInt16]] {
    var random = SplitMix64(seed: seed)
    let extremes: [UInt16] = [
      0, 0x8000, 1, 0x8001, 0x007f, 0x0080, 0x807f, 0x7f7f, 0xff7f, 0x3f80, 0xbf80, 0x3f81, 0x4000,
    ]
    var rows = [[UInt16]](repeating: [], count: count)
    for _ in 0..<length {
      let sign: UInt16 = Bool.random(using: &random) ? 0x8000 : 0
      let origin = UInt16.random(in: 0x3a00..<0x3d00, using: &random) | sign
      let areAlike = content == .alike && Bool.random(using: &random)
      for row in rows.indices {
        switch content {
        case .neighbours:
          rows[row].append(origin &+ UInt16.random(in: 0..<5, using: &random))
        case .ordinary, .alike:
          let other = UInt16.random(in: 0x3a00..<0x3f00, using: &random)
          rows[row].append(areAlike ? origin : Bool.random(using: &random) ? other : other | 0x8000)
        case .anyFinite:
          let bits = UInt16.random(in: 0..<0x7f80, using: &random)
          rows[row].append(Bool.random(using: &random) ? bits : bits | 0x8000)
        case .extremes:
          let place = Int.random(in: 0...extremes.count, using: &random)
          rows[row].append(place < extremes.count ? extremes[place] : origin)
        }
      }
    }
    return rows
  }

  static func value(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

  /// One sum, as ``RowSum`` defines it.
  static func sum(_ sum: RowSum, _ values: [Double]) -> Double {
    let rows = sum.hasBase ? Array(values.dropFirst()) : values
    let terms = sum.hasBase ? rows.map { $0 - values[0] } : rows
    if sum.keepsEqual, terms.allSatisfy({ $0 - terms[0] == 0 }) { return rows[0] }
    var total = sum.coefficients[0] * terms[0]
    for row in 1..<max(terms.count, 1) { total += sum.coefficients[row] * terms[row] }
    guard sum.hasBase else { return total }
    return total == 0 ? values[0] : values[0] + total
  }

  /// The nearest BF16, ties to even; the conversion has tests of its own.
  static func rounded(_ values: [Double]) -> (bits: [UInt16], nonFinite: Int) {
    var bytes = ByteBuffer(byteCount: 2 * values.count)
    let nonFinite = Conversion.narrow(values.span, to: .bfloat16, into: &bytes)
    let span = bytes.elements(as: UInt16.self, count: values.count)
    return (span.indices.map { span[$0] }, nonFinite)
  }

  /// Adds up rows that lie in one array, with gaps between them.
  static func add(_ sum: RowSum, _ rows: [[UInt16]]) -> [UInt16]? {
    let (length, stride) = (rows[0].count, rows[0].count + 3)
    var elements: [UInt16] = []
    for row in rows { elements += row + [0x7fc0, 0x7fc0, 0x7fc0] }
    let span = elements.span.extracting(0..<(rows.count - 1) * stride + length)
    let stored = StoredRows(span, count: rows.count, length: length, stride: stride)
    var out = [UInt16](repeating: 7, count: length + 2)
    var target = out.mutableSpan
    guard sum.add(stored, into: &target, from: 1) else { return nil }
    #expect(out[0] == 7 && out[length + 1] == 7, "nothing else is written")
    return Array(out[1...length])
  }

  static func expect(_ sum: RowSum, _ rows: [[UInt16]], _ content: Content) {
    let sums = rows[0].indices.map { i in Self.sum(sum, rows.map { value($0[i]) }) }
    let expected = rounded(sums)
    for level in KernelLevel.available {
      let found = KernelLevel.with(level) { add(sum, rows) }
      guard expected.nonFinite == 0 else {
        #expect(found == nil, "\(level), \(content): infinity is not written")
        continue
      }
      guard let found else {
        Issue.record("\(level), \(content), \(sum): not done")
        continue
      }
      let place = found.indices.first { found[$0] != expected.bits[$0] }
      #expect(
        place == nil,
        "\(level), \(content), \(sum): \(place.map { i in (i, rows.map { $0[i] }) } as Any)")
    }
  }

  @Test(arguments: Content.allCases)
  func `sums of stored rows have every bit of those in Double`(content: Content) {
    for (number, coefficients) in Self.coefficients.enumerated() {
      for hasBase in [false, true] {
        let rows = Self.rows(
          content, count: coefficients.count + (hasBase ? 1 : 0), length: 2_000,
          seed: UInt64(number))
        // So that results stay finite, one element in a thousand aside.
        Self.expect(RowSum(coefficients, hasBase: hasBase), rows, content)
        for start in stride(from: 0, to: 2_000, by: 40) {
          let piece = rows.map { Array($0[start..<start + 40]) }
          Self.expect(RowSum(coefficients, hasBase: hasBase), piece, content)
        }
      }
    }
  }

  @Test(arguments: Content.allCases)
  func `elements that are the same in all rows stay as they are`(content: Content) {
    let means: [[Double]] = [
      [0.5, 0.5], [0.3, 0.7], [1 / 3, 2 / 3], [1.1, -0.1], [200.3, -199.3],
    ]
    for (number, coefficients) in means.enumerated() {
      for hasBase in [false, true] {
        let rows = Self.rows(
          content, count: hasBase ? 3 : 2, length: 999, seed: UInt64(number) + 100)
        Self.expect(RowSum(coefficients, hasBase: hasBase, keepsEqual: true), rows, content)
        let same = hasBase ? [rows[0], rows[1], rows[1]] : [rows[0], rows[0]]
        let sum = RowSum(coefficients, hasBase: hasBase, keepsEqual: true)
        Self.expect(sum, same, content)
      }
    }
    let thirds = RowSum([1 / 3, 1 / 3, 1 / 3], keepsEqual: true)
    let row = Self.rows(content, count: 1, length: 500, seed: 9)[0]
    #expect(Self.add(thirds, [row, row, row]) == row)
  }

  @Test func `every pair of neighbouring patterns, halved`() {
    let first = (UInt16(0)..<0x7f7f).map(\.self)
    let second = first.map { $0 + 1 }
    for coefficients in [[0.5, 0.5], [0.25, 0.75], [0.5, -0.5]] {
      Self.expect(RowSum(coefficients), [first, second], .neighbours)
      Self.expect(RowSum(coefficients), [first.map { $0 | 0x8000 }, second], .neighbours)
    }
  }

  @Test(arguments: [32, 33, 47, 63, 64, 65])
  func `rows of any length from 32 on`(length: Int) {
    let rows = Self.rows(.neighbours, count: 3, length: length, seed: 3)
    Self.expect(RowSum([0.5, 0.3], hasBase: true), rows, .neighbours)
    Self.expect(RowSum([0.5, 0.3, 0.2]), rows, .neighbours)
  }

  @Test func `short rows are left to be widened`() {
    for length in [0, 1, 31] {
      let rows = Self.rows(.ordinary, count: 2, length: length, seed: 4)
      #expect(Self.add(RowSum([0.5, 0.5]), rows) == nil)
    }
  }

  @Test func `many rows`() {
    for count in [7, 33, 256, 300] {
      let rows = Self.rows(.neighbours, count: count, length: 100, seed: 5)
      let share = 1 / Double(count)
      Self.expect(RowSum([Double](repeating: share, count: count)), rows, .neighbours)
    }
  }

  @Test(arguments: [UInt16(0x7f80), 0xff80, 0x7fc0, 0xffc1])
  func `numbers that are not finite are left to be counted`(bits: UInt16) {
    for place in [0, 17, 40, 69] {
      for row in 0..<3 {
        var rows = Self.rows(.ordinary, count: 3, length: 70, seed: 6)
        rows[row][place] = bits
        for level in KernelLevel.available {
          KernelLevel.with(level) {
            #expect(Self.add(RowSum([0.5, 0.5], hasBase: true), rows) == nil)
            #expect(Self.add(RowSum([0.5, 0, 0.5]), rows) == nil)
          }
        }
      }
    }
  }

  @Test(arguments: [0, 1, 15, 16, 17, 33, 100, 4_096])
  func `products of stored rows have every bit of those of widened ones`(length: Int) {
    for count in 1...3 {
      for hasBase in [false, true] {
        let rows = Self.rows(.ordinary, count: count + 1, length: length, seed: UInt64(length))
        var tile = Tile<Double>(rows: count + 1, capacity: length)
        for (number, row) in rows.enumerated() {
          var span = tile.mutableRow(number)
          for i in row.indices { span[i] = Self.value(row[i]) }
        }
        let size = count * (count + 1) / 2
        var expected = [Double](repeating: 0.25, count: size)
        var sums = expected.mutableSpan
        if hasBase {
          Reduction.addProducts(of: tile.rows(1..<count + 1), minus: tile[0], to: &sums)
        } else {
          Reduction.addProducts(of: tile.rows(1..<count + 1), to: &sums)
        }
        let elements = rows.dropFirst(hasBase ? 0 : 1).flatMap(\.self)
        let stored = StoredRows(
          elements.span, count: count + (hasBase ? 1 : 0), length: length, stride: length)
        for level in KernelLevel.available {
          var found = [Double](repeating: 0.25, count: size)
          let isDone = KernelLevel.with(level) {
            var span = found.mutableSpan
            return Reduction.addProducts(of: stored, hasBase: hasBase, to: &span)
          }
          #expect(isDone)
          #expect(found == expected, "\(level)")
        }
      }
    }
  }

  @Test func `products of what is not finite, and of many rows, are not added`() {
    for (count, place) in [(2, 3), (3, 120), (4, nil)] as [(Int, Int?)] {
      var elements = Self.rows(.ordinary, count: count, length: 50, seed: 8).flatMap(\.self)
      if let place { elements[place] = 0xff80 }
      let stored = StoredRows(elements.span, count: count, length: 50, stride: 50)
      for level in KernelLevel.available {
        var sums = [Double](repeating: 0.25, count: count * (count + 1) / 2)
        let isDone = KernelLevel.with(level) {
          var span = sums.mutableSpan
          return Reduction.addProducts(of: stored, hasBase: false, to: &span)
        }
        #expect(!isDone)
        #expect(sums.allSatisfy { $0 == 0.25 })
      }
    }
  }

  @Test func `some elements of each row`() {
    let rows = Self.rows(.ordinary, count: 2, length: 100, seed: 7)
    let elements = rows.flatMap(\.self)
    let stored = StoredRows(elements.span, count: 2, length: 100, stride: 100)
    var out = [UInt16](repeating: 0, count: 40)
    var target = out.mutableSpan
    #expect(RowSum([0.3, 0.6]).add(stored.extracting(50..<90), into: &target))
    #expect(out == Self.add(RowSum([0.3, 0.6]), rows.map { Array($0[50..<90]) }))
  }
}
