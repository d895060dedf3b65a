import SinterTensors

/// How the names of one checkpoint become those of another that holds the same model under other
/// prefixes: `language_model.model.layers.…` and `model.language_model.layers.…`, `h.…` and
/// `transformer.h.…`, bare and `bert.…`.
///
/// An alignment is found only when it leaves no doubt: names that both have stay as they are, the
/// others change by one prefix for another (a model of several modules may need one for each), the
/// shapes agree, at least half of the names change, and then all tensors of one checkpoint are
/// found in the other.
struct PrefixAlignment: Sendable {
  /// One prefix that stands for another; either may be empty, else it ends with a dot.
  struct Substitution: Sendable, Hashable {
    /// What the names begin with in the checkpoint that is aligned.
    let own: String
    /// What they begin with in the other.
    let other: String
  }

  /// The substitutions, in the order in which they were found.
  let substitutions: [Substitution]
  /// The names that change: the other checkpoint's name for each own name.
  let renamed: [String: String]

  /// Aligns a checkpoint with another; `nil` when the names agree already, or when no substitution
  /// makes them agree.
  ///
  /// - Parameters:
  ///   - own: the shapes of the checkpoint's tensors by name.
  ///   - other: the shapes of the tensors of the checkpoint whose names are to be used.
  init?(of own: [(name: String, shape: Shape)], to other: [(name: String, shape: Shape)]) {
    // Nearly all models that are merged list the same names in the same order.
    guard !own.lazy.map(\.name).elementsEqual(other.lazy.map(\.name)) else { return nil }
    let ownNames = Set(own.map(\.name))
    let otherNames = Set(other.map(\.name))
    var unmatched = own.filter { !otherNames.contains($0.name) }
    let shapes = Dictionary(
      other.lazy.filter { !ownNames.contains($0.name) }.map { ($0.name, $0.shape) }
    ) { first, _ in first }
    guard !unmatched.isEmpty, !shapes.isEmpty else { return nil }
    var free = shapes
    var substitutions: [Substitution] = []
    var renamed: [String: String] = [:]
    // What stands apart, such as a head under a prefix of its own, is looked at again when the
    // tensors before it are settled; names that nothing fits are left to the planner's report.
    while substitutions.count < Self.limit,
      let found = Self.substitution(for: unmatched, among: free)
    {
      substitutions.append(found)
      unmatched.removeAll { tensor in
        guard let name = found.applied(to: tensor.name), free[name] == tensor.shape else {
          return false
        }
        free[name] = nil
        renamed[tensor.name] = name
        return true
      }
    }
    let isComplete =
      unmatched.allSatisfy { Self.mayLack($0.name) } || free.keys.allSatisfy(Self.mayLack)
    guard isComplete, 2 * renamed.count >= min(own.count, other.count) else { return nil }
    self.substitutions = substitutions
    self.renamed = renamed.merging(
      Self.layersBeyond(renamed.keys, unmatched.map(\.name), substitutions)
    ) { first, _ in first }
  }

  /// The names of layers that the other checkpoint does not have, in stacks that change prefix.
  private static func layersBeyond(
    _ renamed: some Sequence<String>, _ unmatched: [String], _ substitutions: [Substitution]
  ) -> [String: String] {
    guard !unmatched.isEmpty else { return [:] }
    let stacks = Set(renamed.compactMap { TensorAddress($0).layer?.stack })
    var names: [String: String] = [:]
    for name in unmatched {
      guard let stack = TensorAddress(name).layer?.stack, stacks.contains(stack) else { continue }
      names[name] = substitutions.lazy.compactMap { $0.applied(to: name) }.first
    }
    return names
  }

  /// Whether one of two checkpoints of the same model may lack a tensor: tied heads are not stored.
  private static func mayLack(_ name: String) -> Bool { TensorRole(name) == .outputHead }

  /// The substitution that fits the first of some tensors that any fits.
  private static func substitution(
    for tensors: [(name: String, shape: Shape)], among free: [String: Shape]
  ) -> Substitution? {
    guard !free.isEmpty else { return nil }
    let candidates = free.keys.sorted().map { ($0, Array($0.split(separator: "."))) }
    for tensor in tensors.prefix(probes) {
      let own = tensor.name.split(separator: ".")
      var best: (common: Int, name: [Substring])?
      for (name, components) in candidates where free[name] == tensor.shape {
        let common = zip(own.reversed(), components.reversed()).prefix { $0 == $1 }.count
        // The tensor's own word must agree, and not only `weight`.
        guard common >= 2, common > best?.common ?? 0 else { continue }
        best = (common, components)
      }
      guard let best else { continue }
      let (left, right) = (own.dropLast(best.common), best.name.dropLast(best.common))
      // A layer number is no prefix: other numbers mean other layers.
      guard !(left + right).contains(where: { $0.allSatisfy(\.isNumber) }) else { continue }
      return Substitution(own: prefix(left), other: prefix(right))
    }
    return nil
  }

  private static func prefix(_ components: ArraySlice<Substring>) -> String {
    components.map { $0 + "." }.joined()
  }

  /// The text part, vision tower, projector, head and two more.
  private static let limit = 6
  /// How many tensors that nothing fits are tried before giving up.
  private static let probes = 8
}

extension PrefixAlignment.Substitution {
  /// The other name, or `nil` for a name that does not begin so.
  fileprivate func applied(to name: String) -> String? {
    name.hasPrefix(own) ? other + name.dropFirst(own.count) : nil
  }
}

extension PrefixAlignment.Substitution: CustomStringConvertible {
  /// The two prefixes, as messages write them.
  var description: String {
    "\(own.isEmpty ? "no prefix" : "'\(own)'") to \(other.isEmpty ? "no prefix" : "'\(other)'")"
  }
}
