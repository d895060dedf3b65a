import Sinter

/// A drawing as SVG text. It has no background; its colours are legible on light and dark pages.
struct SVGCanvas {
  /// A place on the drawing, in its units, y downward.
  struct Point {
    let x: Double
    let y: Double
  }

  /// What colours stand for.
  enum Ink: String {
    /// Axes, captions and the base.
    case neutral = "#848d97"
    /// What goes into a merge.
    case input = "#2f81f7"
    /// What comes out of it.
    case output = "#e8590c"
  }

  private let width: Int
  private let height: Int
  private let description: String
  private var elements: [String] = []

  /// Begins a drawing; the description is for those who do not see it.
  init(width: Int, height: Int, description: String) {
    self.width = width
    self.height = height
    self.description = description
  }

  /// The drawing as the text of a file.
  var text: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" \
    height="\(height)" role="img" font-family="sans-serif" font-size="13">
    <title>\(Self.escaped(description))</title>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }

  /// Draws a line through points; dashes make it a guide.
  mutating func line(_ points: [Point], _ ink: Ink, width: Double = 1, isDashed: Bool = false) {
    let list = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
    let dash = isDashed ? " stroke-dasharray=\"4 4\"" : ""
    elements.append(
      "<polyline points=\"\(list.joined(separator: " "))\" fill=\"none\" stroke=\"\(ink.rawValue)\""
        + " stroke-width=\"\(Self.number(width))\"\(dash)/>")
  }

  /// Fills the area that points enclose.
  mutating func area(_ points: [Point], _ ink: Ink, opacity: Double = 1) {
    let list = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
    elements.append(
      "<polygon points=\"\(list.joined(separator: " "))\" fill=\"\(ink.rawValue)\""
        + " fill-opacity=\"\(Self.number(opacity))\"/>")
  }

  /// Draws an arrow.
  mutating func arrow(from start: Point, to end: Point, _ ink: Ink, width: Double = 2) {
    let (x, y) = (end.x - start.x, end.y - start.y)
    let length = (x * x + y * y).squareRoot()
    guard length > 10 else { return }
    let (u, v) = (x / length, y / length)
    let neck = Point(x: end.x - 10 * u, y: end.y - 10 * v)
    line([start, neck], ink, width: width)
    area(
      [
        end, Point(x: neck.x - 4.5 * v, y: neck.y + 4.5 * u),
        Point(x: neck.x + 4.5 * v, y: neck.y - 4.5 * u),
      ], ink)
  }

  /// Writes a line of text; the anchor is `start`, `middle` or `end`.
  mutating func label(_ text: String, at point: Point, _ ink: Ink, anchor: String = "start") {
    elements.append(
      "<text x=\"\(Self.number(point.x))\" y=\"\(Self.number(point.y))\" fill=\"\(ink.rawValue)\""
        + " text-anchor=\"\(anchor)\">\(Self.escaped(text))</text>")
  }

  /// A number with at most one digit behind the point.
  private static func number(_ value: Double) -> String {
    ParameterValue.number((value * 10).rounded() / 10).description
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }
}
