import Sinter

/// What a method does to tensors of two elements, as arrows in the plane.
struct VectorPicture {
  let method: any MergeMethod.Type
  /// The tips of the arrows that go in, the base first where there is one.
  let inputs: [[Double]]
  let hasBase: Bool
  /// Whether arrows begin at the base, because the method sees differences from it.
  let isRelative: Bool
  var parameters: [String: ParameterValue] = [:]
  var weights: [Double] = []
  /// A parameter or, when it is `weight`, the share of the second model, that runs from 0 to 1.
  var path: String?
  /// What is said below the picture.
  let caption: String

  private static let unit = 210.0
  private static let origin = SVGCanvas.Point(x: 40, y: 260)

  /// Runs the method and draws what goes in and comes out.
  func draw() throws -> SVGCanvas {
    let merged = try merge(parameters, weights)
    var canvas = SVGCanvas(
      width: 360, height: 310, description: "\(method.declaration.title): \(caption)")
    let zero = Self.place([0, 0])
    canvas.line([Self.place([-0.1, 0]), Self.place([1.4, 0])], .neutral)
    canvas.line([Self.place([0, -0.05]), Self.place([0, 1.2])], .neutral)
    if let path { canvas.line(try trace(path).map(Self.place), .output, isDashed: true) }
    let start = isRelative ? Self.place(inputs[0]) : zero
    for (number, input) in inputs.enumerated() {
      let isBase = hasBase && number == 0
      canvas.arrow(
        from: isBase ? zero : start, to: Self.place(input), isBase ? .neutral : .input)
      let name = isBase ? "b" : "x" + Self.subscripts[number - (hasBase ? 1 : 0)]
      let place = isBase && isRelative ? Self.below(input) : Self.beside(input)
      canvas.label(isSingle && !isBase ? "x" : name, at: place, isBase ? .neutral : .input)
    }
    canvas.arrow(from: start, to: Self.place(merged), .output, width: 3)
    canvas.label("out", at: Self.beside(merged), .output)
    canvas.label(caption, at: SVGCanvas.Point(x: 180, y: 300), .neutral, anchor: "middle")
    return canvas
  }

  private static let subscripts = ["₁", "₂", "₃"]

  private var isSingle: Bool { hasBase && inputs.count == 2 }

  private func merge(
    _ parameters: [String: ParameterValue], _ weights: [Double]
  ) throws -> [Double] {
    try MethodTrial(
      inputs: inputs, hasBase: hasBase, parameters: parameters, weights: weights, rowLength: 2
    ).run(method)
  }

  /// Where the result goes as the parameter runs from 0 to 1.
  private func trace(_ name: String) throws -> [[Double]] {
    try (0...20).map { step in
      let share = Double(step) / 20
      return name == "weight"
        ? try merge(parameters, [1 - share, share])
        : try merge(parameters.merging([name: .number(share)]) { $1 }, weights)
    }
  }

  private static func place(_ vector: [Double]) -> SVGCanvas.Point {
    SVGCanvas.Point(x: origin.x + unit * vector[0], y: origin.y - unit * vector[1])
  }

  private static func beside(_ vector: [Double]) -> SVGCanvas.Point {
    let point = place(vector)
    return SVGCanvas.Point(x: point.x + 6, y: point.y - 4)
  }

  private static func below(_ vector: [Double]) -> SVGCanvas.Point {
    let point = place(vector)
    return SVGCanvas.Point(x: point.x + 2, y: point.y + 18)
  }
}
