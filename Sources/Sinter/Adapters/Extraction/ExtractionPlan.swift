import Safetensors
import SinterTensors

/// What an extraction will read, compare and write: made from headers only.
public struct ExtractionPlan: Sendable {
  /// The fine-tuned model.
  public let finetuned: Checkpoint
  /// The model that it was made from.
  public let base: Checkpoint
  /// How the adapter is extracted.
  public let options: ExtractionOptions
  /// What is worth knowing.
  public let remarks: [Diagnostic]

  /// The modules, in the order of the base.
  let modules: [ModuleDifference]
  /// The output head that takes the place of the embedding that the base is tied to, or `nil`.
  let untiedHead: String?
  /// The embedding that both models use as their output head too, or `nil`.
  let tiedEmbedding: String?
  /// How the memory is divided.
  let budget: ExtractionBudget

  /// Plans an extraction.
  ///
  /// - Parameters:
  ///   - finetuned: the fine-tuned model.
  ///   - base: the model that it was made from.
  ///   - options: how the adapter is extracted.
  /// - Throws: ``DiagnosticError`` with all faults: tensors that the fine-tuned model lacks, shapes
  ///   that disagree, quantized weights, models with adapters on them, expressions that are none,
  ///   too little memory.
  public init(
    finetuned: Checkpoint, base: Checkpoint, options: ExtractionOptions
  ) throws(DiagnosticError) {
    var pairing = ModelPairing(finetuned: finetuned, base: base)
    pairing.pair()
    var faults = pairing.faults
    self.finetuned = finetuned
    self.base = base
    self.options = options
    untiedHead = pairing.untiedHead
    tiedEmbedding = pairing.tiedEmbedding
    do throws(DiagnosticError) {
      modules = try ModuleGrouping(pairing, options: options).modules
    } catch {
      throw DiagnosticError(faults + error.diagnostics)
    }
    budget = ExtractionBudget(modules, options: options)
    if let fault = budget.fault { faults.append(fault) }
    guard faults.isEmpty else { throw DiagnosticError(faults) }
    remarks = finetuned.remarks + base.remarks + pairing.remarks
  }
}
