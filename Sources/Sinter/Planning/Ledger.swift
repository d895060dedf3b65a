/// What becomes of every tensor of every input.
///
/// A plan is made only when each tensor has a fate; nothing is lost in silence.
public struct Ledger: Sendable, Hashable {
  /// What becomes of one tensor of one input.
  public enum Fate: Sendable, Hashable {
    /// It takes part in the merge of the named output tensors.
    case merged(into: [String])
    /// Its values stand in the named output tensors as they are.
    case copied(into: [String], CopyReason)
    /// It is left out.
    case excluded(ExclusionReason)
  }

  /// Why a tensor is copied and not merged.
  public enum CopyReason: String, Sendable, Hashable, CaseIterable {
    /// The method takes the values of one input.
    case method = "the method takes it as it is"
    /// The elements are not numbers to compute with; all inputs hold the same.
    case notFloatingPoint = "not floating point, equal in all inputs"
    /// Other inputs lack it, and the base's tensor is taken.
    case missingElsewhere = "not in every input"
  }

  /// Why a tensor is left out.
  public enum ExclusionReason: String, Sendable, Hashable, CaseIterable {
    /// The layer is in no slice.
    case layerNotSelected = "its layer is in no slice"
    /// Another slice provides the tensors before or behind the layers.
    case otherSlice = "taken from the sources of another slice"
    /// The recipe takes the module from other models.
    case otherModule = "its module is taken from other models"
    /// The model gives its names and configuration only.
    case configurationOnly = "the model gives names and configuration only"
    /// The base does not have it.
    case notInBase = "not in the base"
    /// Another input's tensor is taken in its place.
    case otherInput = "another input's tensor is taken"
    /// The base ties its output head to the embedding.
    case tiedHead = "the base ties its output head to the embedding"
    /// The base's tensor is taken for all, and this is not the base.
    case baseCopied = "the base's tensor is taken"
    /// All inputs hold the same bytes, and another's are copied.
    case sameAsCopied = "equal to the tensor that is copied"
  }

  /// The fate of one tensor.
  public struct Entry: Sendable, Hashable {
    /// The name of the tensor in its input.
    public let tensor: String
    /// What becomes of it.
    public let fate: Fate
  }

  /// The entries of each input, in the order of inputs, sorted as the tensors lie in their files.
  public let inputs: [[Entry]]

  /// How many tensors of one input were merged, copied and excluded.
  public struct Counts: Sendable, Hashable {
    /// Tensors that take part in a merge.
    public var merged = 0
    /// Tensors whose values are copied.
    public var copied = 0
    /// Tensors that are left out.
    public var excluded = 0

    /// All of them.
    public var total: Int { merged + copied + excluded }
  }

  /// The counts of one input.
  ///
  /// - Parameter input: the place of the input in the plan.
  /// - Returns: how many of its tensors had each kind of fate.
  public func counts(ofInput input: Int) -> Counts {
    var counts = Counts()
    for entry in inputs[input] {
      switch entry.fate {
      case .merged: counts.merged += 1
      case .copied: counts.copied += 1
      case .excluded: counts.excluded += 1
      }
    }
    return counts
  }
}
