import SinterTensors

/// The update of one tensor by one adapter: a matrix, or those of all experts of a layer one below
/// the other.
struct FactoredStack: Sendable {
  /// At least one, all of the same extents.
  let matrices: [FactoredMatrix]

  /// The shape of the tensor: experts x outputs x inputs where there are several.
  var shape: Shape {
    let (rows, columns) = (matrices[0].rows, matrices[0].columns)
    return matrices.count > 1 ? [matrices.count, rows, columns] : [rows, columns]
  }

  /// The rows of all matrices.
  var rows: Int { matrices.count * matrices[0].rows }
  var columns: Int { matrices[0].columns }

  init(_ matrices: [FactoredMatrix]) {
    precondition(!matrices.isEmpty, "a tensor has at least one matrix")
    self.matrices = matrices
  }

  /// A vector.
  init(_ vector: [Double]) {
    self.init([
      FactoredMatrix(
        left: Matrix(rows: 1, columns: 1, elements: [1]),
        right: Matrix(rows: 1, columns: vector.count, elements: vector))
    ])
  }

  /// Adds elements to a row.
  ///
  /// - Parameters:
  ///   - row: receives the elements.
  ///   - elements: which they are, in the row-major order of the tensor.
  func add(to row: inout MutableSpan<Double>, _ elements: Range<Int>) {
    let size = matrices[0].rows * columns
    guard size > 0 else { return }
    var start = elements.lowerBound
    while start < elements.upperBound {
      let place = start / size
      let end = min(elements.upperBound, (place + 1) * size)
      matrices[place].add(
        to: &row, start - place * size..<end - place * size, at: start - elements.lowerBound)
      start = end
    }
  }
}
