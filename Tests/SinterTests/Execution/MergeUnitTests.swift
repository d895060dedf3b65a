import Foundation
import Safetensors
import SinterTensors
import Synchronization
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

  // MARK: - Sources that load

  /// Looks at a sample, then at everything.
  private struct Twice: MergeMethod {
    struct Survey: TensorSurvey {
      var passes = 0
      var isComplete: Bool { passes == 2 }
      var coverage: PassCoverage { passes == 0 ? .sample : .everything }

      func makePartial() -> Int { 0 }
      mutating func add(_ partial: Int) {}
      mutating func finishPass() { passes += 1 }
    }

    init(_ group: MergeGroup) {}

    static func makeSurvey(_ groups: [Twice]) -> Survey { Survey() }
    func survey(
      _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
      _ survey: Survey, into partial: inout Int
    ) {}
    func merge(
      _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
      _ survey: Survey, into output: inout MutableSpan<Double>
    ) {
      for i in 0..<output.count { output[i] = tile[0][i] }
    }

    static let declaration = MethodDeclaration(
      name: "twice", title: "", summary: "", formula: "", goodFor: "", base: .ignored,
      models: 1...1, parameters: [], source: nil, differences: [], example: "")
  }

  /// Notes when it is loaded, and whether it is read only then.
  private final class LoadedSource: TensorSource {
    let stored: StoredTensor
    let loads = Mutex(0)
    let isLoaded = Mutex(false)

    init(_ stored: StoredTensor) { self.stored = stored }

    var dtype: DType { stored.dtype }
    var shape: Shape { stored.shape }
    var loadByteCount: Int? { 1000 }

    func load() {
      #expect(!isLoaded.withLock { $0 })
      loads.withLock { $0 += 1 }
      isLoaded.withLock { $0 = true }
    }

    func unload() {
      #expect(isLoaded.withLock { $0 })
      isLoaded.withLock { $0 = false }
    }

    func byteCount(of elements: Int) -> Int { stored.byteCount(of: elements) }

    func read(
      _ elements: Range<Int>, into bytes: inout ByteBuffer, at offset: Int
    ) throws(SafetensorsError) {
      #expect(isLoaded.withLock { $0 })
      try stored.read(elements, into: &bytes, at: offset)
    }

    func fill(
      _ elements: Range<Int>, from bytes: borrowing ByteBuffer, at offset: Int, of run: Range<Int>,
      into row: inout MutableSpan<Double>
    ) -> Int {
      #expect(isLoaded.withLock { $0 })
      return stored.fill(elements, from: bytes, at: offset, of: run, into: &row)
    }

    func prefetch(_ elements: Range<Int>) {}
  }

  @Test(arguments: [1, 3])
  func `one tensor loads once, each of several once in a pass`(count: Int) throws {
    let merge = try TestMerge()
    let length = 70_000
    try merge.model(
      "m", (0..<count).map { TestTensor("t\($0)", .float32, [length], seed: 1) })
    let plan = try merge.plan(
      "merge_method: twice\nmodels: [{model: m}]", registry: MethodRegistry([Twice.self]))
    let output = try OutputFile(creating: merge.folder.appending("out"))
    try output.preallocate(byteCount: plan.shards[0].byteCount)
    let sources = plan.tensors.map { tensor in
      LoadedSource(
        StoredTensor(
          file: plan.inputs[0].checkpoint.files[0].input, tensor: tensor.sources[0].tensor))
    }
    let unit = MergeUnit(
      try zip(plan.tensors, sources).map { tensor, source in
        guard case .merge(let method, _) = tensor.operation, let method = method as? Twice else {
          throw CancellationError()
        }
        return MergeUnit<Twice>.Member(
          method: method, planned: tensor, sources: [source], output: output,
          grid: TileGrid(shape: tensor.shape, grain: .elements))
      })
    var buffers = WorkerBuffers(WorkerSizes(plan.tensors))
    var steps: [WorkTicket.Step] = []
    var bytesRead = 0
    while let ticket = unit.take() {
      if steps.last != ticket.step { steps.append(ticket.step) }
      let result = try unit.perform(ticket, with: &buffers)
      bytesRead += result.bytesRead
      unit.complete(ticket, result)
      #expect(sources.count { $0.isLoaded.withLock { $0 } } <= 1)
    }
    #expect(unit.isFinished)
    let loads = count == 1 ? 1 : 3
    #expect(
      sources.allSatisfy { $0.loads.withLock { $0 } == loads && !$0.isLoaded.withLock { $0 } })
    let sample = TileGrid(shape: [length], grain: .elements).sample.reduce(0) { $0 + $1.count }
    #expect(bytesRead == count * (4 * (2 * length + sample) + 1000 * loads))
    if count == 1 { #expect(steps == [.load, .sample, .survey, .merge]) }
  }
}
