import SinterTensors
import Testing

@testable import Sinter

@Suite struct MergedUpdatesTests {
  private func update(_ rows: Int, _ columns: Int, seed: UInt64) -> FactoredStack {
    FactoredStack([
      FactoredMatrix(
        left: MatrixSample.random(rows, 1, seed: seed),
        right: MatrixSample.random(1, columns, seed: seed + 1))
    ])
  }

  private func group(_ rows: Int, _ columns: Int, density: Double) -> MergeGroup {
    MergeGroup(
      tensor: "t", shape: [rows, columns], inputs: ["zero", "a", "b"], hasBase: true,
      parameters: GroupParameters(
        tensor: [:],
        inputs: [[:]]
          + Array(repeating: ["weight": .number(1), "density": .number(density)], count: 2)),
      seed: 3)
  }

  /// The blocks of rows are cut through tiles, and several partial results of a survey are added.
  @Test(arguments: [DARELinear.self, TIES.self] as [any MergeMethod.Type])
  func `rows in blocks are those of the whole`(method: any MergeMethod.Type) throws {
    try check(method.init(group(130, 9001, density: 0.4)), 130, 9001)
  }

  private func check(_ method: some MergeMethod, _ rows: Int, _ columns: Int) throws {
    let updates = [update(rows, columns, seed: 1), update(rows, columns, seed: 5)]
    var wholes: [Matrix<Float>] = []
    for threads in [1, 3] {
      let merged = try MergedUpdates(method, updates, threads: threads, stop: StopFlag())
      let whole = try merged.matrix(threads: threads)
      var (blocks, next) = ([Matrix<Float>](), 0)
      try merged.forEachBlock(threads: threads) { start, block in
        #expect(start == next)
        next += block.rows
        blocks.append(block)
      }
      #expect(blocks.count == 3)
      #expect(Matrix(stacked: blocks) == whole)
      wholes.append(whole)
    }
    #expect(wholes[0] == wholes[1])
  }

  @Test func `a run that is stopped ends`() throws {
    let stop = StopFlag()
    stop.set()
    let method = try TIES(group(5, 4, density: 0.5))
    #expect(throws: CancellationError.self) {
      try MergedUpdates(
        method, [update(5, 4, seed: 1), update(5, 4, seed: 2)], threads: 1, stop: stop)
    }
  }
}
