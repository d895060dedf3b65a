import Safetensors
import Sinter
import SinterTensors

/// What a finished merge tells, for people and for programs.
struct MergeReport {
  private let plan: MergePlan
  private let summary: MergeSummary

  /// Prepares a report.
  init(_ plan: MergePlan, _ summary: MergeSummary) {
    self.plan = plan
    self.summary = summary
  }

  /// What came up while planning and merging.
  var remarks: [Diagnostic] { plan.remarks + summary.remarks }

  private var parameterCount: Int { plan.tensors.reduce(0) { $0 + $1.shape.elementCount } }

  /// One line, or two when tensors were copied or left out.
  var text: String {
    let tenths = Int((summary.seconds * 10).rounded())
    let line =
      "merged \(CountText.of(summary.tensors, "tensor")) (\(CountText(parameterCount)) parameters) "
      + "from \(CountText.of(plan.inputs.count, "model")) into '\(summary.folder)' "
      + "in \(tenths / 10).\(tenths % 10) s: read \(ByteCountText(summary.bytesRead)), "
      + "wrote \(ByteCountText(summary.bytesWritten))"
    guard !LedgerText.isPlain(plan) else { return PrintableText(line).description }
    let ledger = LedgerText.lines(plan).joined(separator: "; ")
    return PrintableText(line + "\n" + ledger, keepsLines: true).description
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
    ]
  }
}
