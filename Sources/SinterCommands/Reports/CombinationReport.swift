import Safetensors
import Sinter
import SinterTensors

/// What a finished combination tells, for people and for programs.
struct CombinationReport {
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
        + "\(CountText.of(summary.modules.count, "module")) of rank \(ranks), read "
        + "\(ByteCountText(summary.bytesRead)), wrote \(ByteCountText(summary.bytesWritten))",
      error,
    ]
    let worst = summary.modules.sorted { $0.relativeError > $1.relativeError }.prefix(5)
    if summary.modules.count > 5, let first = worst.first, first.relativeError > 1e-4 {
      var table = TextTable()
      for module in worst {
        table.add([
          module.name, "rank \(module.rank)", "error \(AdapterText.percent(module.relativeError))",
        ])
      }
      lines.append("largest errors:")
      lines += table.lines()
    }
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

  private var ranks: String {
    let ranks = summary.modules.map(\.rank)
    guard let least = ranks.min(), let most = ranks.max() else { return "0" }
    return least == most ? "\(least)" : "\(least) to \(most)"
  }

  /// The members of the document `sinter/adapter-combine`, in order.
  var members: [(key: String, value: JSONText)] {
    [
      ("output", .string(summary.folder)),
      ("method", .string(summary.method)),
      ("adapters", .array(summary.adapters.map { .string($0) })),
      ("relative_error", .number(summary.relativeError)),
      ("modules", .array(summary.modules.map(Self.document))),
      ("stored_whole", .array(summary.keptTensors.map { .string($0) })),
      ("bytes_read", .number(summary.bytesRead)),
      ("bytes_written", .number(summary.bytesWritten)),
      ("seconds", .number((summary.seconds * 1000).rounded() / 1000)),
    ]
  }

  private static func document(_ module: CombinationSummary.Module) -> JSONText {
    .object([
      ("name", .string(module.name)),
      ("shape", .array(module.shape.dimensions.map { .number($0) })),
      ("adapters", .number(module.adapters)),
      ("rank", .number(module.rank)),
      ("norm", .number(module.norm)),
      ("residual", .number(module.residual)),
      ("relative_error", .number(module.relativeError)),
    ])
  }
}
