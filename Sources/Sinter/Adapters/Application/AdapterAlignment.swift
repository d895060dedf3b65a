import SinterTensors

/// Finds for each name that an adapter uses the tensor of the model that it means.
///
/// Trainers name modules as the library that loads the model does, and files may use other
/// prefixes: `language_model.model.layers.…` and `model.language_model.layers.…`. One prefix is
/// taken for another where that is the only way to reach tensors of fitting shapes that no other name
/// means.
struct AdapterAlignment {
  /// The tensor for each name that was found.
  private(set) var tensors: [String: CheckpointTensor] = [:]
  /// The targets for whose names no tensor was found.
  private(set) var missing: [AdapterTarget] = []

  private let checkpoint: Checkpoint
  private var substitutions: [Substitution] = []
  /// The names of the tensors that were found.
  private var taken: Set<String> = []

  init(_ targets: [AdapterTarget], to checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    for target in targets {
      if let tensor = checkpoint.tensor(target.name) {
        tensors[target.name] = tensor
        taken.insert(tensor.name)
      } else {
        missing.append(target)
      }
    }
    // The text part, a vision tower, a projector and a head may each have a prefix of its own.
    for _ in 0..<6 where !missing.isEmpty {
      guard let substitution = substitution() else { return }
      substitutions.append(substitution)
      let found = missing.compactMap { target in
        tensor(target, substitution).map { (target.name, $0) }
      }
      tensors.merge(found) { first, _ in first }
      taken.formUnion(found.map(\.1.name))
      missing.removeAll { tensors[$0.name] != nil }
    }
  }

  /// The names that something may have in the checkpoint: its own, then those under the prefixes
  /// that stand for its own.
  func names(of name: String) -> [String] {
    [name] + substitutions.compactMap { $0.applied(to: name) }
  }

  /// One prefix that stands for another; either may be empty, else it ends with a dot.
  private struct Substitution: Hashable {
    let own: String
    let other: String

    /// The other name, or `nil` for one that does not begin so.
    func applied(to name: String) -> String? {
      name.hasPrefix(own) ? other + name.dropFirst(own.count) : nil
    }
  }

  /// The tensor that a target means under a substitution, if it fits.
  private func tensor(_ target: AdapterTarget, _ substitution: Substitution) -> CheckpointTensor? {
    guard let tensor = substitution.applied(to: target.name).flatMap({ checkpoint.tensor($0) }),
      !taken.contains(tensor.name), target.fits(tensor.shape)
    else { return nil }
    return tensor
  }

  /// The substitution by which most of the missing targets are found; `nil` when there is none. One
  /// that competes with another by which as many are found does not count.
  private func substitution() -> Substitution? {
    var best: (substitution: Substitution, count: Int)?
    for target in probes {
      let ranked = candidates(for: target).map { candidate in
        (substitution: candidate, count: missing.count { tensor($0, candidate) != nil })
      }.sorted { $0.count > $1.count }
      guard let first = ranked.first, first.count > best?.count ?? 0,
        ranked.count == 1 || ranked[1].count < first.count
      else { continue }
      best = first
    }
    return best?.substitution
  }

  /// The substitutions by which a target means a tensor that fits it.
  private func candidates(for target: AdapterTarget) -> Set<Substitution> {
    let own = target.name.split(separator: ".")
    var found = Set<Substitution>()
    for tensor in checkpoint.tensors
    where target.fits(tensor.shape) && !taken.contains(tensor.name) {
      let other = tensor.name.split(separator: ".")
      let common = zip(own.reversed(), other.reversed()).prefix { $0 == $1 }.count
      // The tensor's own word must agree, and not only `weight`; a layer number is no prefix.
      guard common >= 2 else { continue }
      let (left, right) = (own.dropLast(common), other.dropLast(common))
      guard !(left + right).contains(where: { $0.allSatisfy(\.isNumber) }) else { continue }
      found.insert(Substitution(own: Self.prefix(left), other: Self.prefix(right)))
    }
    return found
  }

  private static func prefix(_ parts: ArraySlice<Substring>) -> String {
    parts.map { $0 + "." }.joined()
  }

  /// The first missing target of each kind of module and stack of layers: one that nothing fits, such
  /// as an expert that the file packs with others, must not stand before the rest.
  private var probes: [AdapterTarget] {
    var seen = Set<[Substring]>()
    return missing.filter { target in
      let parts = target.name.split(separator: ".")
      return seen.insert(parts.prefix { !$0.allSatisfy(\.isNumber) } + parts.suffix(2)).inserted
    }
  }
}
