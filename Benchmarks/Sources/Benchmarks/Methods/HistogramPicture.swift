import Sinter
import SinterTensors

/// What a method does to normally distributed differences from a base, as two histograms: the
/// differences of one model, and what is added to the base where that is not zero.
struct HistogramPicture {
  let method: any MergeMethod.Type
  /// How many models differ from the base.
  let models: Int
  var parameters: [String: ParameterValue] = [:]
  /// The standard deviation of the base, that of the differences being 1.
  var spread = 0.0
  /// What is said below the picture.
  let caption: String

  private static let count = 20_000
  private static let rowLength = 1_000
  private static let bins = 64
  /// Both histograms reach from minus to plus this.
  private static let reach = 4.0
  private static let area = (left: 20.0, right: 380.0, top: 50.0, bottom: 220.0)

  /// Runs the method and draws the differences that go in and come out.
  func draw() throws -> SVGCanvas {
    let base = Self.normal(stream: 0).map { spread * $0 }
    let differences = (1...models).map { Self.normal(stream: $0) }
    let merged = try MethodTrial(
      inputs: [base] + differences.map { zip(base, $0).map { $0 + $1 } }, hasBase: true,
      parameters: parameters, weights: differences.map { _ in 1 }, rowLength: Self.rowLength
    ).run(method)
    let added = zip(merged, base).map { $0 - $1 }
    let moved = added.filter { $0 != 0 }
    return draw(Self.counts(differences[0]), Self.counts(moved), moved: moved.count)
  }

  private func draw(_ before: [Int], _ after: [Int], moved: Int) -> SVGCanvas {
    var canvas = SVGCanvas(
      width: 400, height: 272, description: "\(method.declaration.title): \(caption)")
    // What rises above the differences by far, such as all that was brought to one value, is cut.
    let top = 1.25 * Double(before.max() ?? 1)
    let area = Self.area
    canvas.area(Self.outline(before, top), .neutral, opacity: 0.35)
    canvas.area(Self.outline(after, top), .output, opacity: 0.25)
    canvas.line(Self.outline(after, top), .output, width: 1.5)
    canvas.line(
      [.init(x: area.left, y: area.bottom), .init(x: area.right, y: area.bottom)], .neutral)
    for tick in -3...3 {
      let x = Self.x(Double(tick))
      canvas.line([.init(x: x, y: area.bottom), .init(x: x, y: area.bottom + 4)], .neutral)
      canvas.label(
        tick == 0 ? "0" : "\(tick)σ", at: .init(x: x, y: area.bottom + 19), .neutral,
        anchor: "middle")
    }
    for (bin, count) in after.enumerated() where Double(count) > top {
      let x = Self.x(Self.edge(bin) + Self.binWidth / 2)
      canvas.label(
        "↑ \(Self.percent(count))", at: .init(x: x, y: area.top - 5), .output, anchor: "middle")
    }
    canvas.label("xᵢ - b", at: .init(x: area.left, y: 16), .neutral)
    let zeros = Self.percent(Self.count - moved)
    canvas.label(
      moved == Self.count ? "out - b" : "out - b, without the zeros: \(zeros) of all",
      at: .init(x: area.right, y: 16), .output, anchor: "end")
    canvas.label(caption, at: .init(x: 200, y: 264), .neutral, anchor: "middle")
    return canvas
  }

  /// Numbers that are nearly normal, the sums of twelve uniform ones: the same on every machine.
  private static func normal(stream: Int) -> [Double] {
    let random = CounterRandom(seed: 11, stream: UInt64(stream))
    return (0..<count).map { element in
      (0..<12).reduce(-6) { $0 + Double(random.uniform32(at: 12 * element + $1)) / 0x1p32 }
    }
  }

  private static var binWidth: Double { 2 * reach / Double(bins) }

  private static func edge(_ bin: Int) -> Double { Double(bin) * binWidth - reach }

  private static func counts(_ values: [Double]) -> [Int] {
    values.reduce(into: [Int](repeating: 0, count: bins)) { counts, value in
      let bin = Int(((value + reach) / binWidth).rounded(.down))
      if counts.indices.contains(bin) { counts[bin] += 1 }
    }
  }

  private static func x(_ value: Double) -> Double {
    area.left + (value + reach) / (2 * reach) * (area.right - area.left)
  }

  /// The steps of a histogram, from the axis and back to it.
  private static func outline(_ counts: [Int], _ top: Double) -> [SVGCanvas.Point] {
    let steps = counts.enumerated().flatMap { bin, count in
      let share = min(Double(count) / top, 1)
      let y = area.bottom - share * (area.bottom - area.top)
      return [
        SVGCanvas.Point(x: x(edge(bin)), y: y), SVGCanvas.Point(x: x(edge(bin + 1)), y: y),
      ]
    }
    return [.init(x: area.left, y: area.bottom)] + steps + [.init(x: area.right, y: area.bottom)]
  }

  private static func percent(_ part: Int) -> String {
    "\(Int((100 * Double(part) / Double(count)).rounded())) %"
  }
}
