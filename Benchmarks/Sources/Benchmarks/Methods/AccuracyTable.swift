import Foundation
import Safetensors
import Sinter
import SinterTensors

/// Measures how far the results of each method lie from the same merge with a float64 output, in
/// units of the output type's spacing at the result; a single correct rounding gives at most 0.5.
struct AccuracyTable {
  private static let shape: Shape = [64, 512]
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("sinter-accuracy-\(ProcessInfo.processInfo.processIdentifier)")
    for dtype in [DType.bfloat16, .float16] {
      for model in 0...3 { try Self.write(model, dtype, to: path(model, dtype)) }
    }
  }

  /// Removes the checkpoints and outputs.
  func remove() throws {
    try FileManager.default.removeItem(at: folder)
  }

  /// Prints a row for each method.
  func printRows() async throws {
    print("| method | bfloat16 | float16 |")
    print("|---|---|---|")
    for declaration in MethodRegistry.builtIn.declarations {
      let errors = try await [DType.bfloat16, .float16].asyncMap { dtype in
        try await largestError(of: declaration, dtype)
      }
      print("| \(declaration.name) | \(errors.map { Self.text($0) }.joined(separator: " | ")) |")
    }
  }

  private static func text(_ error: Double) -> String {
    String(format: "%.4f", error)
  }

  private func path(_ model: Int, _ dtype: DType) -> String {
    folder.appendingPathComponent("\(model)-\(dtype.rawValue)").path
  }

  /// Weights with a standard deviation of 0.02; models differ from the first by 0.001.
  private static func write(_ model: Int, _ dtype: DType, to path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var tile = Tile<Double>(rows: 1, capacity: shape.elementCount)
    fill(&tile, model)
    var bytes = ByteBuffer(byteCount: shape.elementCount * dtype.bitWidth / 8)
    _ = Conversion.narrow(tile[0], to: dtype, into: &bytes)
    var writer = try SafetensorsWriter.create(
      at: path + "/model.safetensors",
      tensors: [TensorDeclaration(name: "weight", dtype: dtype, shape: shape)])
    try writer.write(
      bytes.elements(as: UInt16.self, count: shape.elementCount), tensor: 0)
    try writer.finish()
  }

  private static func fill(_ tile: inout Tile<Double>, _ model: Int) {
    var row = tile.mutableRow(0)
    let base = CounterRandom(seed: 7, stream: 0)
    let own = CounterRandom(seed: 7, stream: UInt64(model))
    for i in 0..<row.count {
      row[i] = 0.07 * centered(base, i) + (model == 0 ? 0 : 0.0035 * centered(own, i))
    }
  }

  private static func centered(_ random: CounterRandom, _ index: Int) -> Double {
    Double(random.uniform32(at: index)) / 0x1p32 - 0.5
  }

  private func largestError(
    of declaration: MethodDeclaration, _ dtype: DType
  ) async throws -> Double {
    let rounded = try await merge(declaration, dtype, as: dtype)
    let exact = try await merge(declaration, dtype, as: .float64)
    return zip(rounded, exact).map { pair in
      let (result, value) = (pair.0, pair.1)
      return result == value ? 0 : (result - value).magnitude / Self.spacing(at: value, dtype)
    }.max() ?? 0
  }

  /// The distance of neighbouring numbers of a type around a value.
  private static func spacing(at value: Double, _ dtype: DType) -> Double {
    let digits = dtype == .bfloat16 ? 7 : 10
    let lowest = dtype == .bfloat16 ? -126 : -14
    let exponent = max(value == 0 ? lowest : Int(value.exponent), lowest)
    return Double(sign: .plus, exponent: exponent - digits, significand: 1)
  }

  private func merge(
    _ declaration: MethodDeclaration, _ dtype: DType, as output: DType
  ) async throws -> [Double] {
    let recipe = try MergeRecipe.read(
      text: text(declaration, dtype), file: "recipe.yml",
      methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(
      resolver: LocalModelResolver(recipeFile: nil), options: PlanOptions(dtype: output)
    ).plan(recipe)
    let out = folder.appendingPathComponent("out").path
    _ = try await MergeExecutor(
      plan: plan, options: ExecutionOptions(threads: 1, overwrites: true)
    ).run(into: out)
    return try Self.values(of: out + "/model.safetensors")
  }

  private static func values(of path: String) throws -> [Double] {
    let file = try SafetensorsFile(path: path)
    let tensor = file.tensors[0]
    let width = tensor.dtype.bitWidth / 8
    let bytes = try file.bytes(of: tensor)
    return stride(from: 0, to: bytes.count, by: width).map { start in
      let bits = (0..<width).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64(bytes[start + $1]) }
      return Conversion.value(ofBits: bits, as: tensor.dtype)
    }
  }

  /// A recipe with plain parameters for the method.
  private func text(_ declaration: MethodDeclaration, _ dtype: DType) -> String {
    // For nearswap t is a distance: half of how far models lie apart at most.
    let t = declaration.name == "nearswap" ? "0.0009" : "0.3"
    let values = ["density": "0.5", "t": t, "select_topk": "0.5"]
    let hasBase = declaration.base == .required || declaration.takesFormula
    let count = min(max(declaration.models.lowerBound, 3), declaration.models.upperBound)
    let shared = declaration.parameters.filter { $0.scope == .tensor && values[$0.name] != nil }
    let own = declaration.parameters.filter { $0.scope != .tensor && $0.name != "scale" }
    var lines = ["merge_method: \(declaration.name)"]
    if hasBase { lines.append("base_model: \(path(0, dtype))") }
    lines.append("models:")
    for model in 1...count {
      lines.append("  - model: \(path(model, dtype))")
      if declaration.takesFormula { lines.append("    as: m\(model)") }
      let settings = own.compactMap { parameter in
        parameter.name == "weight"
          ? "weight: 0.\(model + 2)"
          : values[parameter.name].map {
            "\(parameter.name): \($0)"
          }
      }
      if !settings.isEmpty { lines.append("    parameters: {\(settings.joined(separator: ", "))}") }
    }
    if !shared.isEmpty {
      lines.append("parameters:")
      lines += shared.map { "  \($0.name): \(values[$0.name] ?? "")" }
    }
    if declaration.takesFormula {
      lines.append("formula: base + 0.3 * (m1 - base) + 0.4 * (m2 - base) + 0.5 * (m3 - base)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Array {
  /// The results of an asynchronous operation on each element, one after another.
  fileprivate func asyncMap<Result>(
    _ transform: (Element) async throws -> Result
  ) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
