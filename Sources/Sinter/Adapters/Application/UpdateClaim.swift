/// What an update of an adapter changes of a tensor, so that no two change the same.
struct UpdateClaim {
  /// The name that the adapter has for what it changes.
  let target: String
  /// What is done.
  let kind: AdapterTarget.Kind
  /// The rows of the tensor, of all its matrices one after another.
  let rows: Range<Int>

  /// Makes a claim to a whole tensor.
  init(_ target: AdapterTarget) {
    self.target = target.name
    kind = target.kind
    rows = 0..<Int.max
  }

  /// Makes a claim to the rows that a product is added to.
  init(_ target: AdapterTarget, _ product: TensorUpdate.Product) {
    self.target = target.name
    kind = target.kind
    rows = product.rows
  }

  /// Whether two claims cannot both be met.
  ///
  /// A tensor may have several updates of different kinds, such as a stored whole and factors on top
  /// of it, if the adapter calls it by one name; and those of single experts, in rows of their own.
  func contradicts(_ other: UpdateClaim) -> Bool {
    rows.overlaps(other.rows) && (target != other.target || kind == other.kind)
  }
}
