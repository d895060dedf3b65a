import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct MergeUnitTests {
  /// Adds the sums of tiles in the order in which they come: the last bits tell the order.
  private struct OrderedSum: MergeMethod {
    struct Survey: TensorSurvey {
      var runs: [Double] = []
      var order: [Int] = []
      var isComplete = false

      func makePartial() -> [TilePosition] { [] }
      mutating func add(_ partial: [TilePosition]) { order += partial.map(\.tile) }
      mutating func finishPass() { isComplete = true }
    }

    init(_ group: MergeGroup) {}

    static func makeSurvey(_ groups: [OrderedSum]) -> Survey { Survey() }
    func survey(
      _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
      _ survey: Survey, into partial: inout [TilePosition]
    ) { partial.append(position) }
    func merge(
      _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
      _ survey: Survey, into output: inout MutableSpan<Double>
    ) {
      let isInOrder = survey.order == survey.order.sorted() && survey.order.contains(position.tile)
      for i in 0..<output.count { output[i] = isInOrder ? Double(survey.order.count - 480) : -1 }
    }

    static let declaration = MethodDeclaration(
      name: "ordered_sum", title: "", summary: "", formula: "", goodFor: "", base: .ignored,
      models: 1...1, parameters: [], source: nil, differences: [], example: "")
  }

  private func unit(
    _ folder: TemporaryFolder, tiles: Int
  ) throws -> (MergeUnit<OrderedSum>, WorkerSizes) {
    let merge = try TestMerge()
    let count = tiles == 0 ? 0 : (tiles - 1) * TileGrid.standardTileLength + 1
    try merge.model("m", [])
    // The bytes of ones, written as they are: there are millions of them.
    let ones = [UInt8](
      repeating: UInt8(Conversion.bits(of: 1, as: .float8E4M3)), count: count)
    var writer = try SafetensorsWriter.create(
      at: merge.folder.appending("m/model.safetensors"),
      tensors: [TensorDeclaration(name: "t", dtype: .float8E4M3, shape: [count])],
      existing: .replace)
    try writer.write(ones.span, tensor: 0)
    try writer.finish()
    let plan = try merge.plan(
      "merge_method: ordered_sum\nmodels: [{model: m}]", registry: MethodRegistry([OrderedSum.self])
    )
    let output = try OutputFile(creating: folder.appending("out"))
    try output.preallocate(byteCount: plan.shards[0].byteCount)
    let tensor = plan.tensors[0]
    guard case .merge(let method, _) = tensor.operation, let method = method as? OrderedSum else {
      throw CancellationError()
    }
    let source = StoredTensor(
      file: plan.inputs[0].checkpoint.files[0].input, tensor: tensor.sources[0].tensor)
    let unit = MergeUnit([
      .init(
        method: method, planned: tensor, sources: [source], output: output,
        grid: TileGrid(shape: tensor.shape, grain: .elements))
    ])
    return (unit, WorkerSizes(plan.tensors))
  }

  @Test(arguments: [[2, 1, 0], [1, 2, 0], [0, 2, 1]])
  func `partial results are added in order, whatever ends first`(order: [Int]) throws {
    let folder = try TemporaryFolder()
    let (unit, sizes) = try unit(folder, tiles: 514)
    var buffers = WorkerBuffers(sizes)
    let tickets = [unit.take(), unit.take(), unit.take()].compactMap { $0 }
    #expect(tickets.map(\.tiles) == [0..<256, 256..<512, 512..<514])
    #expect(unit.take() == nil)
    let results = try tickets.map { try unit.perform($0, with: &buffers) }
    var held: [Int?] = []
    for index in order {
      #expect(!unit.isFinished)
      unit.complete(tickets[index], results[index])
      held.append(unit.surveyStepsHeld)
    }
    // What waits for an earlier step is held, what was added is not.
    #expect(held.last == .some(nil))
    if order == [2, 1, 0] { #expect(held == [3, 3, nil]) }
    if order == [0, 2, 1] { #expect(held == [2, 2, nil]) }
    // Now the merge: each tile once.
    var written = 0
    while let ticket = unit.take() {
      let result = try unit.perform(ticket, with: &buffers)
      written += result.bytesWritten
      #expect(!unit.isFinished)
      unit.complete(ticket, result)
    }
    #expect(unit.isFinished)
    #expect(written == 513 * TileGrid.standardTileLength + 1)
    let bytes = try folder.bytes("out").suffix(written)
    // Every tile saw all 514 tiles, in order.
    let expected = UInt8(Conversion.bits(of: 34, as: .float8E4M3))
    #expect(bytes.allSatisfy { $0 == expected })
  }

  @Test func `no tile of a pass is handed out before the pass before is complete`() throws {
    let folder = try TemporaryFolder()
    let (unit, sizes) = try unit(folder, tiles: 257)
    var buffers = WorkerBuffers(sizes)
    let first = try #require(unit.take())
    let second = try #require(unit.take())
    let results = try [first, second].map { try unit.perform($0, with: &buffers) }
    unit.complete(second, results[1])
    #expect(unit.take() == nil)
    unit.complete(first, results[0])
    #expect(unit.take()?.tiles == 0..<64)
  }

  @Test func `an empty tensor is finished from the beginning`() throws {
    let folder = try TemporaryFolder()
    let (unit, _) = try unit(folder, tiles: 0)
    #expect(unit.isFinished)
    #expect(unit.surveyStepsHeld == nil)
    #expect(unit.take() == nil)
  }
}
