import Foundation
import Safetensors
import SinterTensors

/// What `Benchmarks scaling` measured, as a table and as plots.
struct ScalingReport {
  let points: [ScalingPoint]

  /// The table as comma-separated lines.
  var lines: String { ([ScalingPoint.header] + points.map(\.line)).joined(separator: "\n") + "\n" }

  /// The table in Markdown.
  var table: String {
    let rows = points.map { "| \($0.line.split(separator: ",").joined(separator: " | ")) |" }
    let names = ScalingPoint.header.split(separator: ",")
    return
      (["| \(names.joined(separator: " | ")) |", "|" + names.map { _ in "---|" }.joined()] + rows)
      .joined(separator: "\n") + "\n"
  }

  /// The peaks of each method with models of more than a billion parameters.
  var largePeaks: [(method: String, peaks: [Double])] {
    ["linear", "ties"].compactMap { method in
      let large = points.filter { $0.axis == .size && $0.method == method && $0.size != .tenth }
      return large.count < 2 ? nil : (method, large.map(\.peakMiB))
    }
  }

  /// The plots by the names of their files.
  var plots: [(name: String, plot: LinePlot)] {
    [
      (
        "scaling-size",
        LinePlot(
          title: "Time of a merge by the size of the models", xName: "billion parameters",
          yName: "seconds", series: both(.size) { ($0.size.billions, $0.seconds) })
      ),
      (
        "scaling-memory",
        LinePlot(
          title: "Peak memory of a merge by the size of the models", xName: "billion parameters",
          yName: "MiB", series: both(.size) { ($0.size.billions, $0.peakMiB) })
      ),
      (
        "scaling-models",
        LinePlot(
          title: "Time of a linear merge by the number of models", xName: "models",
          yName: "seconds", series: both(.models) { (Double($0.models), $0.seconds) })
      ),
      (
        "scaling-threads",
        LinePlot(
          title: "Time of a merge by the number of threads", xName: "threads", yName: "seconds",
          series: both(.threads) { (Double($0.threads), $0.seconds) })
      ),
    ]
  }

  /// Draws the plots into a folder.
  func draw(into folder: String) throws {
    for (name, plot) in plots {
      try Data(plot.draw().text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).svg"))
    }
  }

  private func both(
    _ axis: ScalingPoint.Axis, _ place: (ScalingPoint) -> (x: Double, y: Double)
  ) -> [LinePlot.Series] {
    [("linear", SVGCanvas.Ink.input), ("ties", .output)].compactMap { method, ink in
      let own = points.filter { $0.axis == axis && $0.method == method }
      return own.isEmpty ? nil : LinePlot.Series(name: method, ink: ink, points: own.map(place))
    }
  }
}

extension ModelSize {
  /// The number of parameters in thousand millions.
  fileprivate var billions: Double {
    Double(tensors.reduce(0) { $0 + $1.shape.elementCount }) / 1e9
  }
}
