import Safetensors
import Sinter
import SinterTensors

/// What a finished merge tells, for people and for programs.
struct MergeReport {
  private let plan: MergePlan
  private let summary: MergeSummary
  private let verb: String

  /// Prepares a report.
  ///
  /// - Parameters:
  ///   - plan: the plan that was executed.
  ///   - summary: what was done.
  ///   - verb: what the text says was done.
  init(_ plan: MergePlan, _ summary: MergeSummary, verb: String = "merged") {
    self.plan = plan
    self.summary = summary
    self.verb = verb
  }

  /// What came up while planning and merging.
  var remarks: [Diagnostic] { plan.remarks + summary.remarks }

  private var parameterCount: Int { plan.tensors.reduce(0) { $0 + $1.shape.elementCount } }

  /// One line, more when adapters were applied, or when tensors were copied or left out.
  var text: String {
    let tenths = Int((summary.seconds * 10).rounded())
    let line =
      "\(verb) \(CountText.of(summary.tensors, "tensor")) (\(CountText(parameterCount)) parameters) "
      + "from \(CountText.of(plan.inputs.count, "model")) into '\(summary.folder)' "
      + "in \(tenths / 10).\(tenths % 10) s: read \(ByteCountText(summary.bytesRead)), "
      + "wrote \(ByteCountText(summary.bytesWritten))"
    var lines = summary.adapters.map(AdapterText.line) + [line]
    // What is written of one model with its adapters is no merge of which to give account.
    if summary.adapters.isEmpty || plan.inputs.count > 1, !LedgerText.isPlain(plan) {
      lines.append(LedgerText.lines(plan).joined(separator: "; "))
    }
    return PrintableText(lines.joined(separator: "\n"), keepsLines: true).description
  }

  /// The members of the document `sinter/merge`, in order.
  var members: [(key: String, value: JSONText)] {
    [
      ("output", .string(summary.folder)),
      ("plan_hash", .string("sha256:" + plan.digest)),
      ("method", .string(plan.method.name)),
      ("seed", .number(plan.seed)),
      ("tensor_count", .number(summary.tensors)),
      ("parameter_count", .number(parameterCount)),
      ("files", .array(plan.shards.map(JSONText.init))),
      ("bytes_read", .number(summary.bytesRead)),
      ("bytes_written", .number(summary.bytesWritten)),
      ("seconds", .number((summary.seconds * 1000).rounded() / 1000)),
      ("ledger", PlanDocument.ledger(plan, listsExcluded: false)),
    ] + AdapterText.members(summary.adapters)
  }
}
