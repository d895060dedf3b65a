import Testing

@testable import SinterTensors

@Suite struct ThinnedRowsTests {
  @Test(arguments: SignVoteTests.Content.allCases, 1...5)
  func `task vectors are added as one element at a time`(
    _ content: SignVoteTests.Content, rows: Int
  ) {
    let coefficients = (0..<rows).map { 0.3 - Double($0) * 0.2 }
    for count in SignVoteTests.counts {
      let tile = SignVoteTests.tile(content, rows: rows + 1, count: count)
      for thinned in SignVoteTests.thinnings(rows: rows, count: count) {
        let expected = (0..<count).map { i in
          let base = tile[0][i]
          let terms = (0..<rows).map {
            coefficients[$0]
              * SignVoteTests.change(
                tile[$0 + 1][i], base, row: $0, at: i, count: count, thinned)
          }
          let change = terms.dropFirst().reduce(terms[0], +)
          return change == 0 ? base : base + change
        }
        RowArithmeticTests.expect(expected, from: Array(repeating: 5, count: count)) { out in
          RowArithmetic.place(
            tile.rows(1..<rows + 1), thinned, times: coefficients.span, on: tile[0], into: &out)
        }
      }
    }
  }

  /// What selections keep of a tile by themselves, against what their bounds keep.
  @Test func `bounds keep what selections keep`() {
    let values: [Double] = [
      0, -0.0, 1, -1, 2, 2, -2, 3, .nan, .infinity, -.infinity, 4, .leastNonzeroMagnitude,
      .greatestFiniteMagnitude, 0.5, 1,
    ]
    let tiles = [values, values, values]
    var found = 0
    let selections = (0...48).map { kept in
      var random = SplitMix64(seed: 1)
      var selection = MagnitudeSelection(keeping: kept, of: 48)
      _ = MagnitudeSelectionTests.complete(&selection, tiles, &random)
      return selection
    }
    for (outerCount, outer) in selections.enumerated() {
      for (innerCount, inner) in selections.prefix(outerCount + 1).enumerated() {
        for tile in tiles.indices {
          guard let bounds = MagnitudeBounds(keptBy: outer, notBy: inner, tile: tile) else {
            continue
          }
          found += 1
          var row = values
          var span = row.mutableSpan
          outer.keep(&span, tile: tile)
          inner.remove(&span, tile: tile)
          let expected = values.map {
            $0.magnitude <= bounds.low || $0.magnitude >= bounds.high ? 0 : $0
          }
          // A zero may keep its sign: what is added to a base does not change by it.
          #expect(
            RowArithmeticTests.patterns(row.map { $0 == 0 ? 0 : $0 })
              == RowArithmeticTests.patterns(expected.map { $0 == 0 ? 0 : $0 }),
            "\(outerCount), \(innerCount), tile \(tile)")
        }
      }
    }
    #expect(found > 500)
  }

  @Test func `what is not there drops nothing`() {
    let bounds = MagnitudeBounds(keptBy: nil, notBy: nil, tile: 0)
    #expect(bounds?.low.isNaN == true && bounds?.high.isNaN == true)
  }
}
