import Safetensors
import SinterTensors

/// Compares the bytes of tensors that are copied because all inputs must hold the same.
struct EqualityCheck {
  private let plan: MergePlan

  init(_ plan: MergePlan) {
    self.plan = plan
  }

  /// Compares all such tensors of the plan.
  ///
  /// - Throws: ``DiagnosticError`` with every tensor that differs.
  func run() throws(DiagnosticError) {
    var faults: [Diagnostic] = []
    do throws(SafetensorsError) {
      for tensor in plan.tensors {
        guard case .copy = tensor.operation, tensor.sources.count > 1 else { continue }
        for other in tensor.sources.dropFirst() where try !isEqual(tensor.sources[0], other) {
          faults.append(difference(tensor, other))
        }
      }
    } catch {
      throw DiagnosticError(error)
    }
    guard faults.isEmpty else { throw DiagnosticError(faults) }
  }

  private func difference(_ tensor: PlannedTensor, _ other: PlannedSource) -> Diagnostic {
    let names = [tensor.sources[0], other].map { "'\(plan.inputs[$0.input].name)'" }
    return Diagnostic(
      .error,
      "tensor '\(tensor.name)' holds \(tensor.dtype.rawValue) and differs between \(names[0]) and "
        + "\(names[1]); only floating-point tensors can be merged",
      hint: "use models that agree in it")
  }

  private func isEqual(
    _ first: PlannedSource, _ second: PlannedSource
  ) throws(SafetensorsError) -> Bool {
    let length = 256 * 1024
    var left = ByteBuffer(byteCount: length)
    var right = ByteBuffer(byteCount: length)
    for start in stride(from: 0, to: first.tensor.byteCount, by: length) {
      let range = start..<min(start + length, first.tensor.byteCount)
      try stored(first).readBytes(range, into: &left, at: 0)
      try stored(second).readBytes(range, into: &right, at: 0)
      let a = left.elements(as: UInt8.self, count: range.count)
      let b = right.elements(as: UInt8.self, count: range.count)
      for i in 0..<range.count where a[i] != b[i] { return false }
    }
    return true
  }

  private func stored(_ source: PlannedSource) -> StoredTensor {
    StoredTensor(
      file: plan.inputs[source.input].checkpoint.files[source.tensor.file].input,
      tensor: source.tensor)
  }
}
