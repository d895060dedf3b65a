/// Numbers over numbers: a line through marks for each series, both axes from zero.
struct LinePlot {
  struct Series {
    let name: String
    let ink: SVGCanvas.Ink
    let points: [(x: Double, y: Double)]
  }

  let title: String
  let xName: String
  let yName: String
  let series: [Series]

  private static let area = (left: 62.0, right: 440.0, top: 40.0, bottom: 220.0)

  /// Draws the plot.
  func draw() -> SVGCanvas {
    var canvas = SVGCanvas(width: 520, height: 272, description: title)
    let area = Self.area
    let points = series.flatMap(\.points)
    let (xStep, xTop) = Self.scale(upTo: points.map(\.x).max() ?? 1)
    let (yStep, yTop) = Self.scale(upTo: points.map(\.y).max() ?? 1)
    func place(_ x: Double, _ y: Double) -> SVGCanvas.Point {
      .init(
        x: area.left + x / xTop * (area.right - area.left),
        y: area.bottom - y / yTop * (area.bottom - area.top))
    }
    for tick in 0...Int((yTop / yStep).rounded()) {
      let y = Double(tick) * yStep
      canvas.line([place(0, y), place(xTop, y)], .neutral, width: 0.3)
      let point = place(0, y)
      canvas.label(
        Self.text(y), at: .init(x: point.x - 6, y: point.y + 4), .neutral, anchor: "end")
    }
    for tick in 0...Int((xTop / xStep).rounded()) {
      let point = place(Double(tick) * xStep, 0)
      canvas.line([point, .init(x: point.x, y: point.y + 4)], .neutral)
      canvas.label(
        Self.text(Double(tick) * xStep), at: .init(x: point.x, y: point.y + 19), .neutral,
        anchor: "middle")
    }
    for one in series {
      let line = one.points.map { place($0.x, $0.y) }
      canvas.line(line, one.ink, width: 2)
      for point in line { canvas.area(Self.mark(at: point), one.ink) }
      if let last = line.last {
        canvas.label(one.name, at: .init(x: last.x + 8, y: last.y + 4), one.ink)
      }
    }
    canvas.label(yName, at: .init(x: 8, y: 20), .neutral)
    canvas.label(
      xName, at: .init(x: (area.left + area.right) / 2, y: 262), .neutral, anchor: "middle")
    return canvas
  }

  /// A small square around a point.
  private static func mark(at point: SVGCanvas.Point) -> [SVGCanvas.Point] {
    [(-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)].map {
      .init(x: point.x + $0.0, y: point.y + $0.1)
    }
  }

  /// Round steps for an axis, at most eight of them, and where it ends.
  private static func scale(upTo value: Double) -> (step: Double, top: Double) {
    var step = 0.001
    while true {
      for factor in [1.0, 2.0, 5.0] where value <= 8 * step * factor {
        return (step * factor, (value / (step * factor)).rounded(.up) * step * factor)
      }
      step *= 10
    }
  }

  /// A number without zeros behind its last digit.
  private static func text(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let (whole, rest) = thousandths.quotientAndRemainder(dividingBy: 1000)
    guard rest > 0 else { return "\(whole)" }
    var digits = String(String(1000 + rest).dropFirst())
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(whole).\(digits)"
  }
}
