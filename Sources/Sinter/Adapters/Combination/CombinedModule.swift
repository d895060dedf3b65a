import Safetensors
import SinterTensors

/// A module that at least one of the adapters changes, and how its updates become one.
struct CombinedModule: Sendable {
  /// What is computed.
  enum Step: Sendable {
    /// The sum of the updates, each times a coefficient.
    case sum([Double])
    /// A merge of the updates, element by element.
    case elements(any MergeMethod)
    /// A merge in a shared basis; the group is made again when its extents are known.
    case sharedBasis(any MergeMethod.Type, MergeGroup)
  }

  /// The update of each adapter, in the order of adapters; `nil` where one has none.
  let parts: [AdapterModule?]
  let step: Step
  /// What is computed for that which is added to the module's bias; `nil` for nothing.
  let bias: Step?
  /// The bytes that a survey's partial result takes.
  let surveyByteCount: Int
  /// The bytes that the survey holds in the end.
  let surveyHeldByteCount: Int

  /// Makes a module, with the memory of the method that surveys its updates, if one does.
  init(
    parts: [AdapterModule?], step: Step, bias: Step?, surveying method: (any MergeMethod)?
  ) {
    self.parts = parts
    self.step = step
    self.bias = bias
    surveyByteCount = method?.surveyByteCount ?? 0
    surveyHeldByteCount = method?.surveyHeldByteCount ?? 0
  }

  /// The first update that there is: what it is, all are.
  var first: AdapterModule? { parts.lazy.compactMap(\.self).first }

  /// The name of the module, without the adapter's prefix.
  var name: String { first?.name ?? "" }
  /// The name in reports and messages: of a parameter its own.
  var label: String { first?.label ?? "" }
  /// The parameter that has the factors; `nil` for a module that is targeted as a whole.
  var parameter: String? { first?.parameterName }
  var kind: AdapterModule.Kind { first?.kind ?? .linear }
  /// The columns of a matrix of the update.
  var inputs: Int { first?.inputs ?? 0 }
  /// The rows of a matrix of the update.
  var outputs: Int { first?.outputs ?? 0 }
  /// The number of matrices: of experts, or 1.
  var experts: Int { first?.experts ?? 1 }

  /// The sum of the ranks of the updates; of experts, of each.
  var rank: Int { parts.reduce(0) { $0 + ($1?.rank ?? 0) } }

  /// About how much work it is.
  var size: Int { experts * (inputs + outputs) * max(rank, 1) }

  /// The shape of the weight: outputs x inputs, of a convolution with its kernel, of an embedding
  /// its entries first, of packed experts their number.
  var shape: Shape {
    guard let first else { return [] }
    switch kind {
    case .embedding: return [inputs, outputs]
    case .convolution: return Shape([outputs] + first.a.shape.dimensions.dropFirst())
    case .parameter where experts == 1: return [outputs, inputs]
    case .parameter, .switchLinear: return [experts, outputs, inputs]
    case .linear: return [outputs, inputs]
    }
  }
}
