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
      if count.results > 0 {
        // What follows from an input is not laid at the door of the output's type.
        let follows = count.inputs.contains { $0 > 0 }
        if follows && isError { continue }
        let values = "tensor '\(count.tensor)': \(count.results) of \(tensor.shape.elementCount)"
        found.append(
          Diagnostic(
            severity,
            follows
              ? "\(values) results are NaN or infinite"
              : "\(values) results do not fit in \(tensor.dtype.rawValue) and "
                + (isError ? "would become" : "became") + " infinite or NaN",
            hint: isError ? Self.hint(for: tensor.dtype) : nil))
      }
    }
    diagnostics = found
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
