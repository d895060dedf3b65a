import SinterTensors

extension TaskVectorMerge {
  /// How a method thins out task vectors.
  enum Sparsification: Sendable {
    /// Not at all.
    case none
    /// The elements of largest magnitude are kept (TIES, arXiv:2306.01708).
    case magnitude
    /// The elements of largest magnitude but for the very largest are kept (Model Breadcrumbs,
    /// arXiv:2312.06795).
    case magnitudeWithoutOutliers
    /// Each element is kept with the same probability (DARE, arXiv:2311.03099).
    case random
    /// Each element is kept with a probability that rises with its magnitude (DELLA,
    /// arXiv:2406.11617).
    case ranked

    var isRandom: Bool { self == .random || self == .ranked }
  }

  /// What is done to one task vector.
  enum Thinning: Sendable {
    case keepAll
    /// The elements at these places are kept, counted from the largest magnitude down; none for
    /// `0..<0`.
    case keepPlaces(Range<Int>)
    /// As many of the largest elements of the whole model are kept as the densities of all its
    /// tensors ask for, this one among them.
    case keepShareOfModel(Double)
    case keepRandom(CounterRandom, threshold: UInt64)
    case keepRanked(RankedDropping)
  }
}

extension TaskVectorMerge.Thinning {
  /// Decides what is done to the task vector of one row.
  init(
    _ sparsification: TaskVectorMerge.Sparsification, _ group: MergeGroup, _ row: Int,
    _ semantics: TaskVectorSemantics, dividesByProbability: Bool
  ) {
    let density = group.parameters.number("density", input: row) ?? 1
    if sparsification == .magnitude, semantics == .paper {
      self = .keepShareOfModel(density)
      return
    }
    guard density < 1 else {
      self = .keepAll
      return
    }
    let count = group.elementCount
    switch sparsification {
    case .none:
      self = .keepAll
    case .magnitude:
      // At least one element is kept, so that no tensor vanishes because it is small.
      let least = semantics == .peft || density <= 0 ? 0 : 1
      self = .keepPlaces(0..<min(max(least, Int(density * Double(count))), count))
    case .magnitudeWithoutOutliers:
      let gamma = group.parameters.number("gamma", input: row) ?? 0
      let kept = Int(density * Double(count))
      // Fewer outliers are left out where the density asks for more than would remain.
      let outliers = min(Int(gamma * Double(count)), count - kept)
      self = .keepPlaces(kept == 0 ? 0..<0 : outliers..<outliers + kept)
    case .random:
      self = .keepRandom(
        group.random(forRow: row), threshold: CounterRandom.threshold(for: density))
    case .ranked where density <= 0:
      self = .keepPlaces(0..<0)
    case .ranked:
      self = .keepRanked(
        RankedDropping(
          group.shape, density: density,
          epsilon: group.parameters.number("epsilon", input: row) ?? 0,
          random: group.random(forRow: row), dividesByProbability: dividesByProbability))
    }
  }

  /// Whether random numbers say which elements are kept.
  var isRandom: Bool {
    switch self {
    case .keepRandom, .keepRanked: true
    case .keepAll, .keepPlaces, .keepShareOfModel: false
    }
  }

  /// How many bounds have to be found, each with a histogram.
  var boundCount: Int {
    switch self {
    case .keepAll, .keepRandom, .keepRanked: 0
    case .keepPlaces(let places): places.lowerBound == 0 ? 1 : 2
    case .keepShareOfModel: 1
    }
  }
}
