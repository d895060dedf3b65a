import SinterTensors

/// The changes to the base that are large enough to count.
enum ActiveChanges {
  /// Makes each model's row its changes to the base, zero where they do not count, and counts the
  /// models that changed an element.
  ///
  /// - Parameters:
  ///   - tile: the base and the models.
  ///   - epsilon: the magnitude above which a change counts, at least 0.
  ///   - scratch: its row 0 receives the number of models.
  static func find(
    in tile: inout Tile<Double>, above epsilon: Double, counts scratch: inout Tile<Double>
  ) {
    var counts = scratch.mutableRow(0)
    for i in 0..<counts.count { counts[i] = 0 }
    for row in 1..<tile.rows {
      tile.update(row, with: 0) { model, base in
        for i in 0..<model.count {
          let change = model[i] - base[i]
          // Asks what is dropped: for NaN the answer is no.
          model[i] = change.magnitude <= epsilon ? 0 : change
        }
      }
      let change = tile[row]
      for i in 0..<counts.count { counts[i] += change[i] != 0 ? 1 : 0 }
    }
  }
}
