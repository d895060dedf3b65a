/// The dot products of the vectors of a group, each a whole tensor or its difference from the base.
///
/// Directions, means and tangents of vectors are sums of these vectors, so lengths and angles of all
/// of them follow from this matrix, and a method that needs no more works on as many numbers as it
/// has inputs.
///
/// How exact that is: an entry is off by at most γ·|yᵢ|·|yⱼ|, with γ about 5e-13 if all roundings of
/// a sum went the same way, and 1e-15 in practice. The square of the length of Σ cᵢ·yᵢ is then off by
/// γ·(Σ |cᵢ|·|yᵢ|)². Nearly parallel vectors lose nothing by that in a mean, whose parts do not
/// cancel; a sum whose parts do cancel is told by ``cancels(_:)``, and its length is to be measured.
/// Vectors of Double shorter than 1e-162, whose squares are below its range, count as zero.
struct Gram: Sendable {
  /// The number of vectors.
  let count: Int
  /// Whether all vectors are the same, element for element.
  let areEqual: Bool
  /// The length of each vector.
  let lengths: [Double]
  /// The upper triangle of the matrix, row after row.
  private let products: [Double]

  /// Makes the matrix.
  ///
  /// - Parameters:
  ///   - products: its upper triangle, row after row.
  ///   - count: the number of vectors.
  ///   - areEqual: whether all vectors are the same.
  init(products: [Double], count: Int, areEqual: Bool) {
    precondition(products.count == Self.size(count), "one product for each pair")
    self.products = products
    self.count = count
    self.areEqual = areEqual
    lengths = (0..<count).map { products[Self.index($0, $0, of: count)].squareRoot() }
  }

  /// The dot product of two vectors.
  subscript(first: Int, second: Int) -> Double {
    products[Self.index(min(first, second), max(first, second), of: count)]
  }

  /// The number of products that a number of vectors has.
  static func size(_ count: Int) -> Int { count * (count + 1) / 2 }

  private static func index(_ row: Int, _ column: Int, of count: Int) -> Int {
    row * count - row * (row - 1) / 2 + column - row
  }
}

extension Gram {
  /// The cosine of the angle between two vectors; 0 when one of them is zero.
  func cosine(_ first: Int, _ second: Int) -> Double {
    Self.cosine(
      dot: self[first, second], squares: (self[first, first], self[second, second]))
  }

  /// The cosine of the angle between two vectors; 0 when one of them is zero.
  ///
  /// - Parameters:
  ///   - dot: their dot product.
  ///   - squares: the squares of their lengths.
  /// - Returns: the cosine, -1...1; NaN when a product is.
  static func cosine(dot: Double, squares: (Double, Double)) -> Double {
    // The root of a square is exact, so the cosine of a vector with itself is 1; where the product
    // leaves the range of numbers, roots are taken first.
    let product = squares.0 * squares.1
    let lengths =
      product.isNormal ? product.squareRoot() : squares.0.squareRoot() * squares.1.squareRoot()
    return lengths == 0 ? 0 : min(max(dot / lengths, -1), 1)
  }

  /// The length of `Σ cᵢ·yᵢ`.
  func length(of coefficients: [Double]) -> Double {
    max(squaredLength(of: coefficients), 0).squareRoot()
  }

  /// Whether the parts of `Σ cᵢ·yᵢ` cancel so far that its length is to be measured.
  ///
  /// At the limit ``length(of:)`` still has all but three or four of the digits of a Double.
  func cancels(_ coefficients: [Double]) -> Bool {
    var sum = 0.0
    for i in 0..<count { sum += coefficients[i].magnitude * lengths[i] }
    return squaredLength(of: coefficients) < 1e-3 * (sum * sum)
  }

  private func squaredLength(of coefficients: [Double]) -> Double {
    var square = 0.0
    for i in 0..<count {
      var product = 0.0
      for j in 0..<count { product += self[i, j] * coefficients[j] }
      square += coefficients[i] * product
    }
    return square
  }
}
