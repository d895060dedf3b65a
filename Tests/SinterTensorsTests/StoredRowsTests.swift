import Testing

@testable import SinterTensors

@Suite struct StoredRowsTests {
  /// Asks two rows with a gap of three between them.
  static func areFinite(_ elements: [UInt16], _ length: Int) -> Bool {
    let rows = StoredRows(elements.span, count: 2, length: length, stride: length + 3)
    return rows.areFinite
  }

  /// One number among finite ones, at each place of rows that end within a group.
  @Test(arguments: KernelLevel.available)
  func `NaN and infinity are found wherever they stand`(_ level: KernelLevel) {
    let finite: [UInt16] = [0, 0x8000, 0x7f7f, 0xff7f, 1]
    KernelLevel.with(level) {
      for length in [0, 1, 16, 17, 40] {
        for place in 0..<2 * length {
          for bits: UInt16 in [0x7f80, 0xff80, 0x7fc0, 0xff81] {
            var elements = (0..<2 * length + 3).map { finite[$0 % finite.count] }
            // What lies between the rows is none of theirs.
            elements[length] = 0x7fc0
            #expect(Self.areFinite(elements, length))
            elements[place < length ? place : place + 3] = bits
            #expect(
              !Self.areFinite(elements, length), "\(level), \(bits) at \(place) of \(length)")
          }
        }
      }
    }
  }
}
