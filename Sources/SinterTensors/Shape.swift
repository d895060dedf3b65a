/// The extents of a tensor, outermost axis first; no axes for a scalar.
public struct Shape: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// The extent of each axis, each at least 0.
  public let dimensions: [Int]

  /// Makes a shape from extents.
  ///
  /// - Parameter dimensions: extents, each at least 0, outermost first.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "a shape has no negative extent")
    self.dimensions = dimensions
  }

  /// Makes a shape from a literal list of extents.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The number of elements, 1 for a scalar; `nil` when it does not fit in an `Int`.
  public var checkedElementCount: Int? {
    if dimensions.contains(0) { return 0 }
    var count = 1
    for dimension in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      if overflow { return nil }
      count = product
    }
    return count
  }

  /// The number of elements, 1 for a scalar.
  ///
  /// Traps when it does not fit in an `Int`: shapes from files are checked with
  /// ``checkedElementCount`` when they are read.
  public var elementCount: Int {
    guard let count = checkedElementCount else {
      preconditionFailure("shape \(self) has too many elements")
    }
    return count
  }

  /// The extents as a list in brackets, such as `[4096, 11008]`.
  public var description: String {
    "[\(dimensions.map { String($0) }.joined(separator: ", "))]"
  }
}
