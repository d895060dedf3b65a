import Safetensors
import Sinter
import SinterTensors

/// What a finished combination tells, for people and for programs.
struct CombinationReport: NewAdapterReport {
  private let summary: CombinationSummary

  /// Prepares a report.
  init(_ summary: CombinationSummary) {
    self.summary = summary
  }

  /// What came up while planning and combining.
  var remarks: [Diagnostic] { summary.remarks }

  /// Some lines: what was written, with which error, and the modules that fit worst.
  var text: String {
    let tenths = Int((summary.seconds * 10).rounded())
    var lines = [
      "combined \(CountText.of(summary.adapters.count, "adapter")) by \(summary.method) into "
        + "'\(summary.folder)' in \(tenths / 10).\(tenths % 10) s: "
        + "\(factors.count), read "
        + "\(ByteCountText(summary.bytesRead)), wrote \(ByteCountText(summary.bytesWritten))",
      error,
    ]
    lines += factors.worst(beyond: 1e-4)
    return PrintableText(lines.joined(separator: "\n"), keepsLines: true).description
  }

  /// How well the factors hold the update.
  private var error: String {
    switch summary.relativeError {
    case 0: "the factors are the combined update exactly"
    case ..<1e-6: "the factors are the combined update to rounding"
    default:
      "the factors keep all but \(AdapterText.percent(summary.relativeError)) of the combined "
        + "update (Frobenius norm)"
    }
  }

  private var factors: FactorText { FactorText(modules: summary.modules) }

  /// The members of the document `sinter/adapter-combine`, in order.
  var members: [(key: String, value: JSONText)] {
    [
      ("output", .string(summary.folder)),
      ("method", .string(summary.method)),
      ("adapters", .array(summary.adapters.map { .string($0) })),
      ("relative_error", .number(summary.relativeError)),
      ("modules", factors.document(countsUpdates: true)),
      ("stored_whole", .array(summary.keptTensors.map { .string($0) })),
      ("bytes_read", .number(summary.bytesRead)),
      ("bytes_written", .number(summary.bytesWritten)),
      ("seconds", .number((summary.seconds * 1000).rounded() / 1000)),
    ]
  }
}
