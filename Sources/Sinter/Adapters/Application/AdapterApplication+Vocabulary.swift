import SinterTensors

/// Adapters that were trained with more tokens than the model has: their embedding and output head
/// are stored whole, with another number of rows.
extension AdapterApplication {
  /// Whether an update puts a table with another number of rows in the place of an embedding or an
  /// output head.
  func resizes(_ target: AdapterTarget, _ tensor: CheckpointTensor) -> Bool {
    guard case .replacement(let own) = target.action,
      TensorRole.isTokenEmbedding(tensor.name) || TensorRole(tensor.name) == .outputHead
    else { return false }
    let (new, old) = (own.shape.dimensions, tensor.shape.dimensions)
    return new.count == 2 && old.count == 2 && new[1] == old[1] && new[0] > 0
  }

  /// A tensor with what adapters do to it.
  ///
  /// - Parameters:
  ///   - tensor: the model's tensor.
  ///   - parts: the part of each adapter; none leaves it as it is.
  /// - Returns: the tensor as it is read.
  /// - Throws: ``DiagnosticError`` when a table with another number of rows is not all that is done.
  func updated(
    _ tensor: CheckpointTensor, _ parts: [TensorUpdate.Part]
  ) throws(DiagnosticError) -> CheckpointTensor {
    guard let first = parts.first else { return tensor }
    var tensor = tensor
    let resized = parts.lazy.compactMap(\.replacement).first { $0.shape != tensor.shape }
    guard let resized else {
      tensor.update = TensorUpdate(parts, tensor.shape)
      return tensor
    }
    guard parts.count == 1, first.weight == 1, first.products.isEmpty else {
      throw DiagnosticError([
        Diagnostic(
          .error,
          "an adapter of '\(name)' gives '\(tensor.name)' \(resized.shape.dimensions[0]) rows in "
            + "place of \(tensor.shape.dimensions[0]); that cannot be weighted, nor go with what "
            + "else changes the tensor",
          hint: "apply that adapter alone first, at weight 1, and use the result as the base")
      ])
    }
    let (rows, columns) = TensorUpdate.extents(of: resized.shape, isConvolution: false)
    let update = TensorUpdate(
      parts: parts, rows: rows, columns: columns,
      substitute: StoredTensor(file: first.file, tensor: resized))
    return CheckpointTensor(
      name: tensor.name, dtype: tensor.dtype, shape: resized.shape, file: tensor.file,
      bytes: tensor.bytes, update: update)
  }

  /// How many rows the vocabulary had and has.
  struct Resizing {
    let old: Int
    let new: Int
    let remark: Diagnostic
  }

  /// The change of the vocabulary's size; `nil` when there is none.
  ///
  /// - Parameter tensors: the tensors as they are read.
  /// - Returns: the old size and the new one.
  /// - Throws: ``DiagnosticError`` when embedding and output head do not agree any more.
  func resizing(_ tensors: [CheckpointTensor]) throws(DiagnosticError) -> Resizing? {
    guard let resized = tensors.first(where: { $0.update?.substitute != nil }),
      let old = base.tensor(resized.name) ?? pair?.embedding
    else { return nil }
    let (before, after) = (old.shape.dimensions[0], resized.shape.dimensions[0])
    let other = tensors.first { tensor in
      TensorAddress(tensor.name).layer == nil
        && (TensorRole.isTokenEmbedding(tensor.name) || TensorRole(tensor.name) == .outputHead)
        && tensor.shape.dimensions.count == 2 && tensor.shape.dimensions[0] != after
        && (base.tensor(tensor.name)?.shape.dimensions[0] ?? before) == before
    }
    if let other {
      throw DiagnosticError([
        Diagnostic(
          .error,
          "the adapters of '\(name)' give '\(resized.name)' \(after) rows and leave '\(other.name)' "
            + "with \(other.shape.dimensions[0])",
          hint: "embedding and output head need a row for each token")
      ])
    }
    return Resizing(
      old: before, new: after,
      remark: Diagnostic(
        .warning,
        "the vocabulary of '\(name)' has \(after) rows with its adapters, in place of \(before)",
        hint: "the tokenizer of the base is copied: put the adapter's in its place"))
  }
}
