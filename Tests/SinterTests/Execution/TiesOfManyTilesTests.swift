import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

/// Merges of tensors of so many tiles that the survey counts equal elements in ranges of tiles, and
/// looks at the range in which it cuts once more.
@Suite struct TiesOfManyTilesTests {
  private static let rows = 600
  /// A row is as long as a tile.
  private static let count = rows * TileGrid.standardTileLength

  /// A model whose tensors hold one number each.
  private func model(_ merge: TestMerge, _ name: String, _ values: [Double]) throws {
    let folder = merge.folder.appending(name)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let shape: Shape = [Self.rows, TileGrid.standardTileLength]
    var writer = try SafetensorsWriter.create(
      at: folder + "/model.safetensors",
      tensors: values.indices.map {
        TensorDeclaration(name: "w\($0)", dtype: .bfloat16, shape: shape)
      }, existing: .replace)
    for (index, value) in values.enumerated() {
      let bytes = Self.bytes([(value, Self.count)])
      try writer.write(bytes.span, tensor: index)
    }
    try writer.finish()
    try merge.folder.write(#"{"model_type": "test"}"#, to: "\(name)/config.json")
  }

  /// So many times each number, in BF16.
  private static func bytes(_ numbers: [(value: Double, count: Int)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (value, count) in numbers {
      let bits = Conversion.bits(of: value, as: .bfloat16)
      // Doubled instead of repeated element by element.
      var part = [UInt8(bits & 255), UInt8(bits >> 8)]
      while part.count < 2 * count { part += part }
      bytes += part.prefix(2 * count)
    }
    return bytes
  }

  private func expect(
    _ merge: TestMerge, _ recipe: String, _ expected: [[(value: Double, count: Int)]],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for threads in [1, 3] {
      let plan = try merge.plan(recipe)
      _ = try await MergeExecutor(plan: plan, options: .init(threads: threads, overwrites: true))
        .run(into: merge.folder.appending("out"))
      let file = try SafetensorsFile(path: merge.folder.appending("out/model.safetensors"))
      for (tensor, numbers) in zip(file.tensors, expected) {
        #expect(
          try file.bytes(of: tensor) == Self.bytes(numbers), "\(tensor.name)",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: ["mergekit", "peft"])
  func `trimming one tensor keeps the first of equal elements`(semantics: String) async throws {
    let merge = try TestMerge()
    try model(merge, "base", [0])
    try model(merge, "a", [1])
    try model(merge, "b", [-0.5])
    let (a, b) = (Int(0.7 * Double(Self.count)), Int(0.2001 * Double(Self.count)))
    try await expect(
      merge,
      """
      merge_method: ties
      base_model: base
      models:
        - {model: a, parameters: {weight: 1, density: 0.7}}
        - {model: b, parameters: {weight: 4, density: 0.2001}}
      parameters: {normalize: false, semantics: \(semantics)}
      """,
      [
        semantics == "mergekit"
          ? [(-2, b), (1, a - b), (0, Self.count - a)] : [(1, a), (0, Self.count - a)]
      ])
  }

  @Test func `trimming the whole model keeps the first of equal elements`() async throws {
    let merge = try TestMerge()
    try model(merge, "base", [0, 0])
    try model(merge, "a", [1, 1])
    try model(merge, "b", [0.5, -2])
    let a = Int(0.75 * Double(2 * Self.count)) - Self.count
    let b = Int(0.2 * Double(2 * Self.count))
    try await expect(
      merge,
      """
      merge_method: ties
      base_model: base
      models:
        - {model: a, parameters: {weight: 1, density: 0.75}}
        - {model: b, parameters: {weight: 1, density: 0.2}}
      parameters: {normalize: false, semantics: paper}
      """,
      [[(1, Self.count)], [(-2, b), (1, a - b), (0, Self.count - a)]])
  }

  @Test func `both bounds of breadcrumbs cut equal elements`() async throws {
    let merge = try TestMerge()
    try model(merge, "base", [0])
    try model(merge, "a", [2])
    let outliers = Int(0.1234 * Double(Self.count))
    let kept = Int(0.5 * Double(Self.count))
    try await expect(
      merge,
      """
      merge_method: breadcrumbs
      base_model: base
      models: [{model: a, parameters: {weight: 1, density: 0.5, gamma: 0.1234}}]
      parameters: {normalize: false}
      """,
      [[(0, outliers), (2, kept), (0, Self.count - outliers - kept)]])
  }

  @Test func `selecting among equal variances takes the first`() async throws {
    let merge = try TestMerge()
    try model(merge, "base", [0])
    try model(merge, "a", [1])
    try model(merge, "b", [2])
    let kept = Int(0.35 * Double(Self.count))
    try await expect(
      merge,
      """
      merge_method: sce
      base_model: base
      models: [{model: a}, {model: b}]
      parameters: {select_topk: 0.35}
      """,
      [[(1.8, kept), (0, Self.count - kept)]])
  }
}
