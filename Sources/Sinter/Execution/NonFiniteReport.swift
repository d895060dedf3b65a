import Safetensors
import SinterTensors

/// Says where NaN and infinities were found.
struct NonFiniteReport {
  private(set) var diagnostics: [Diagnostic] = []

  private let plan: MergePlan
  private let severity: Diagnostic.Severity
  private var told: Set<Diagnostic> = []
  private var origins = NonFiniteOrigins()

  /// Phrases what was counted. Of tensors that adapters change, reads what they are made of.
  ///
  /// - Parameters:
  ///   - counts: the counts, by tensor.
  ///   - plan: the plan that was executed.
  ///   - isError: whether the merge is refused.
  init(_ counts: [NonFiniteCount], plan: MergePlan, isError: Bool) {
    self.plan = plan
    severity = isError ? .error : .warning
    let tensors = Dictionary(plan.tensors.map { ($0.name, $0) }) { first, _ in first }
    for count in counts {
      guard let tensor = tensors[count.tensor] else { continue }
      for (source, values) in zip(tensor.sources, count.inputs) where values > 0 {
        if source.tensor.update == nil {
          add(NonFiniteOrigin(source: stored(source), count: values, isAdapter: false))
        } else {
          addUpdated(source, values, of: tensor.shape.elementCount)
        }
      }
      // What follows from an input is told of the input.
      let follows = count.inputs.contains { $0 > 0 }
      if count.results > 0, !(follows && isError) {
        add(Self.results(count, of: tensor, follow: follows, severity))
      }
    }
  }

  private func stored(_ source: PlannedSource) -> StoredTensor {
    let checkpoint = plan.inputs[source.input].checkpoint
    return StoredTensor(
      file: checkpoint.files[source.tensor.file].input, tensor: source.tensor)
  }

  /// Adds a diagnostic, once: tensors may share what they are made of.
  private mutating func add(_ diagnostic: Diagnostic) {
    if told.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
  }

  private mutating func add(_ origin: NonFiniteOrigin) {
    let tensor = origin.source.tensor
    let what = origin.isAdapter ? "adapter" : "checkpoint"
    add(
      Diagnostic(
        severity, file: origin.source.file.path,
        "tensor '\(tensor.name)': \(origin.count) of \(tensor.shape.elementCount) values are "
          + "NaN or infinite",
        hint: severity == .error
          ? "the \(what) is damaged or diverged in training; --allow-non-finite merges it all the "
            + "same" : nil))
  }

  /// Tells of a tensor that adapters change.
  private mutating func addUpdated(_ source: PlannedSource, _ values: Int, of elements: Int) {
    let base = stored(source)
    guard let update = source.tensor.update,
      let found = try? origins.origins(of: base, update)
    else {
      add(NonFiniteOrigin(source: base, count: values, isAdapter: false))
      return
    }
    for origin in found { add(origin) }
    guard found.isEmpty else { return }
    let isError = severity == .error
    add(
      Diagnostic(
        severity,
        "tensor '\(source.tensor.name)' of '\(plan.inputs[source.input].name)': \(values) of "
          + "\(elements) values \(isError ? "become" : "became") NaN or infinite when adapters are "
          + "applied, though all that is stored is finite",
        hint: isError
          ? "the updates leave the range of numbers; --allow-non-finite merges them all the same"
          : nil))
  }

  private static func results(
    _ count: NonFiniteCount, of tensor: PlannedTensor, follow: Bool,
    _ severity: Diagnostic.Severity
  ) -> Diagnostic {
    let values =
      "tensor '\(count.tensor)': \(count.results) of \(tensor.shape.elementCount) results"
    let isError = severity == .error
    if follow || count.unrounded > 0 {
      return Diagnostic(
        severity, "\(values) are NaN or infinite",
        hint: isError ? "the method divides by zero or leaves the range of numbers there" : nil)
    }
    return Diagnostic(
      severity,
      "\(values) do not fit in \(tensor.dtype.rawValue) and "
        + (isError ? "would become" : "became") + " infinite or NaN",
      hint: isError ? hint(for: tensor.dtype) : nil)
  }

  /// What to do about results that an element type cannot hold.
  private static func hint(for dtype: DType) -> String {
    switch dtype {
    case .float32, .bfloat16: "choose a wider type, such as out_dtype: float64"
    case .float64: "the results are beyond every type: change the parameters of the merge"
    default: "choose a wider type, such as out_dtype: bfloat16"
    }
  }
}
