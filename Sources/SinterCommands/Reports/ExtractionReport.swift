import Safetensors
import Sinter
import SinterTensors

/// What a finished extraction tells, for people and for programs.
struct ExtractionReport: NewAdapterReport {
  private let summary: ExtractionSummary

  /// Prepares a report.
  init(_ summary: ExtractionSummary) {
    self.summary = summary
  }

  /// What came up while planning and extracting.
  var remarks: [Diagnostic] {
    guard !summary.leftOut.isEmpty else { return summary.remarks }
    let names = summary.leftOut.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    let rest = summary.leftOut.count > 3 ? " and \(summary.leftOut.count - 3) more" : ""
    return summary.remarks + [
      Diagnostic(
        .note,
        "\(CountText.of(summary.leftOut.count, "module")) that differ were left out: \(names)\(rest)"
      )
    ]
  }

  /// Some lines: what was written, with which error, and the modules that fit worst.
  var text: String {
    let tenths = Int((summary.seconds * 10).rounded())
    var lines = [
      "extracted \(factors.count) into "
        + "'\(summary.folder)' in \(tenths / 10).\(tenths % 10) s: read "
        + "\(ByteCountText(summary.bytesRead)), wrote \(ByteCountText(summary.bytesWritten))",
      "the factors keep all but \(AdapterText.percent(summary.relativeError)) of the difference "
        + "(Frobenius norm)",
    ]
    let others = counts.joined(separator: ", ")
    if !others.isEmpty { lines.append(others) }
    lines += factors.worst(beyond: 1e-6)
    return PrintableText(lines.joined(separator: "\n"), keepsLines: true).description
  }

  /// What there is beside factors.
  private var counts: [String] {
    var texts: [String] = []
    if !summary.wholeModules.isEmpty {
      texts.append(CountText.of(summary.wholeModules.count, "module") + " stored whole")
    }
    if !summary.biases.isEmpty {
      texts.append(summary.biases.count == 1 ? "1 bias" : "\(summary.biases.count) biases")
    }
    if summary.unchanged > 0 {
      texts.append(CountText.of(summary.unchanged, "module") + " unchanged")
    }
    return texts
  }

  private var factors: FactorText { FactorText(modules: summary.modules) }

  /// The members of the document `sinter/adapter-extract`, in order.
  var members: [(key: String, value: JSONText)] {
    [
      ("output", .string(summary.folder)),
      ("relative_error", .number(summary.relativeError)),
      ("modules", factors.document(countsUpdates: false)),
      ("stored_whole", .array(summary.wholeModules.map { .string($0) })),
      ("biases", .array(summary.biases.map { .string($0) })),
      ("left_out", .array(summary.leftOut.map { .string($0) })),
      ("unchanged_modules", .number(summary.unchanged)),
      ("bytes_read", .number(summary.bytesRead)),
      ("bytes_written", .number(summary.bytesWritten)),
      ("seconds", .number((summary.seconds * 1000).rounded() / 1000)),
    ]
  }
}
