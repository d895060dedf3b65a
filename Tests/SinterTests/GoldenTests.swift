import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Holds merges against results that were computed in float64 from beginning to end.
@Suite struct GoldenTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/Golden")

  /// The cases whose method is built.
  static let cases: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/cases")) ?? []
    return all.filter { MethodRegistry.builtIn[method(of: $0)] != nil }.sorted()
  }()

  static func method(of name: String) -> String {
    let text = (try? recipe(of: name)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("merge_method:") } ?? ""
    return line.dropFirst("merge_method:".count).trimmingCharacters(in: .whitespaces)
  }

  static func recipe(of name: String) throws -> String {
    try String(contentsOfFile: "\(folder.path)/cases/\(name)/config.yml", encoding: .utf8)
  }

  @Test func `every case of a method that is built is found`() {
    #expect(Self.cases.count == 28)
  }

  @Test(arguments: cases)
  func `a merge gives the float64 result, rounded once`(name: String) async throws {
    let temporary = try TemporaryFolder()
    try await merge(name, into: temporary.appending("out"), ExecutionOptions(threads: 2))
    let results = try TestTensor.read(temporary.appending("out/model.safetensors"))
    let golden = try TestTensor.read("\(Self.folder.path)/cases/\(name)/golden.safetensors")
    #expect(Set(results.map(\.name)) == Set(golden.map(\.name)))
    var boundary = 0
    for expected in golden {
      let result = try #require(results.first { $0.name == expected.name })
      #expect(result.shape == expected.shape)
      let largest = expected.values.map(\.magnitude).max() ?? 0
      for (value, exact) in zip(result.values, expected.values) {
        if value == TestTensor.stored(exact, result.dtype) { continue }
        // The order of operations moves the last bits of a Double; where that decides the rounding,
        // the exact value lies on a boundary, and either side is right.
        boundary += 1
        let slack = max(4 * largest.ulp, largest * Self.roundedFactors[name, default: 0])
        let sides = [exact - slack, exact + slack].map { TestTensor.stored($0, result.dtype) }
        #expect(
          sides[0] <= value && value <= sides[1], "\(expected.name): \(value), not \(exact)")
      }
    }
    #expect(boundary <= Self.boundaryElements[name, default: 0])
  }

  private func merge(
    _ name: String, into path: String, _ options: ExecutionOptions
  ) async throws {
    let recipe = try MergeRecipe.read(
      text: Self.recipe(of: name), file: Self.folder.path + "/recipe.yml",
      methods: MethodRegistry.builtIn.declarations)
    let plan = try MergePlanner(
      resolver: LocalModelResolver(recipeFile: Self.folder.path + "/recipe.yml")
    ).plan(recipe)
    _ = try await MergeExecutor(plan: plan, options: options).run(into: path)
  }

  @Test(arguments: cases)
  func `bytes depend neither on threads nor on memory`(name: String) async throws {
    let temporary = try TemporaryFolder()
    var outputs = Set<[UInt8]>()
    for threads in [1, 2, 3, 8] {
      for memory in [64 << 20, 4 << 30] {
        let folder = "\(threads)-\(memory)"
        try await merge(
          name, into: temporary.appending(folder),
          ExecutionOptions(threads: threads, memory: memory))
        outputs.insert(try temporary.bytes("\(folder)/model.safetensors"))
      }
    }
    #expect(outputs.count == 1)
  }

  /// How many elements of a case lie on a boundary: all of float32 cases whose weights are decimal
  /// fractions, so that sums of products lie half-way between two float32 numbers.
  static let boundaryElements = [
    "linear_two": 10, "linear_gradient_filters": 10, "linear_unnormalized": 360,
    "slices_mixed": 117, "task_arithmetic": 2, "ram": 2, "ramplus_tl": 4_876,
  ]

  /// By how much golden results can be off, in parts of a tensor's largest magnitude: the reference
  /// implementation of `ramplus_tl` has its factors in float32, whatever else is float64.
  static let roundedFactors = ["ramplus_tl": 0x1p-24]
}
