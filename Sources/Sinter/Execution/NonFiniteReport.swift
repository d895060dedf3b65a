import Safetensors
import SinterTensors

/// Says where NaN and infinities were found.
struct NonFiniteReport {
  let diagnostics: [Diagnostic]

  /// Phrases what was counted.
  ///
  /// - Parameters:
  ///   - counts: the counts, by tensor.
  ///   - plan: the plan that was executed.
  ///   - isError: whether the merge is refused.
  init(_ counts: [NonFiniteCount], plan: MergePlan, isError: Bool) {
    let severity: Diagnostic.Severity = isError ? .error : .warning
    let tensors = Dictionary(plan.tensors.map { ($0.name, $0) }) { first, _ in first }
    var found: [Diagnostic] = []
    for count in counts {
      guard let tensor = tensors[count.tensor] else { continue }
      for (source, values) in zip(tensor.sources, count.inputs) where values > 0 {
        let input = plan.inputs[source.input]
        found.append(
          Diagnostic(
            severity, file: input.checkpoint.files[source.tensor.file].path,
            "tensor '\(source.tensor.name)': \(values) of \(tensor.shape.elementCount) values are "
              + "NaN or infinite",
            hint: isError
              ? "the checkpoint is damaged or diverged in training; --allow-non-finite merges it "
                + "all the same" : nil))
      }
      // What follows from an input is told of the input.
      let follows = count.inputs.contains { $0 > 0 }
      if count.results > 0, !(follows && isError) {
        found.append(Self.results(count, of: tensor, follow: follows, severity))
      }
    }
    diagnostics = found
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
