import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct UpdatedTensorTests {
  private let merge: TestMerge

  init() throws {
    merge = try TestMerge()
  }

  /// A source of the only tensor of a model with an adapter.
  private func source(_ base: TestTensor, _ adapter: TestAdapter) throws -> UpdatedTensor {
    try merge.model("base", [base])
    try adapter.write(to: merge.folder.appending("a"))
    let checkpoint = try CheckpointReader.open(merge.folder.appending("base")).applying([
      WeightedAdapter(try AdapterReader.open(merge.folder.appending("a")))
    ])
    let tensor = checkpoint.tensors[0]
    let source = UpdatedTensor(
      StoredTensor(file: checkpoint.files[0].input, tensor: tensor), try #require(tensor.update))
    try source.load()
    return source
  }

  /// Reads a source in runs and tiles of given lengths.
  private func values(_ source: UpdatedTensor, run: Int, tile: Int) throws -> [Double] {
    let count = source.shape.elementCount
    var bytes = ByteBuffer(byteCount: source.byteCount(of: min(run, count)) + 64)
    var values: [Double] = []
    for start in stride(from: 0, to: count, by: run) {
      let elements = start..<min(start + run, count)
      try source.read(elements, into: &bytes, at: 64 * 0)
      for first in stride(from: elements.lowerBound, to: elements.upperBound, by: tile) {
        let part = first..<min(first + tile, elements.upperBound)
        var row = [Double](repeating: .nan, count: part.count)
        var span = row.mutableSpan
        source.fill(part, from: bytes, at: 0, of: elements, into: &span)
        values += row
      }
    }
    return values
  }

  @Test func `runs and tiles of any length give the same bits`() throws {
    let base = TestTensor("q.weight", .bfloat16, [7, 45], seed: 1)
    let adapter = TestAdapter([("q", 7, 45)], rank: 3)
    let source = try source(base, adapter)
    let whole = try values(source, run: 1000, tile: 1000)
    for (run, tile) in [(64, 64), (64, 7), (45, 45), (100, 33), (1, 1), (1000, 46)] {
      #expect(try values(source, run: run, tile: tile) == whole)
    }
    let update = TestAdapter.product(adapter.modules[0])
    for (i, value) in whole.enumerated() {
      // The sum over the rank is exact up to its last addition, so only the order of two
      // operations is left to differ.
      #expect(abs(value - (base.values[i] + adapter.scale(rank: 3) * update[i])) < 1e-16)
    }
  }

  @Test(arguments: [DType.float64, .float32, .bfloat16, .float16, .float8E5M2])
  func `factors of every type`(dtype: DType) throws {
    var random = TestRandom(seed: 3, dtype.rawValue)
    for _ in 0..<12 {
      let rows = Int.random(in: 1...20, using: &random)
      let columns = Int.random(in: 1...70, using: &random)
      let rank = Int.random(in: 1...9, using: &random)
      let base = TestTensor("q.weight", .float64, [rows, columns], seed: random.next())
      let adapter = TestAdapter(
        [("q", rows, columns)], rank: rank, alpha: 3, seed: random.next(), dtype: dtype)
      let source = try source(base, adapter)
      let update = TestAdapter.product(adapter.modules[0])
      for (i, value) in try values(source, run: 64, tile: 13).enumerated() {
        let exact = base.values[i] + 3 / Double(rank) * update[i]
        #expect(abs(value - exact) <= 4 * max(abs(exact), abs(update[i])).ulp)
      }
    }
  }

  @Test func `what was given back is loaded again`() throws {
    let source = try source(
      TestTensor("q.weight", .float32, [3, 5], seed: 1), TestAdapter([("q", 3, 5)]))
    let first = try values(source, run: 4, tile: 4)
    source.unload()
    try source.load()
    #expect(try values(source, run: 5, tile: 2) == first)
    #expect(try values(source, run: 15, tile: 15) == first)
  }

  @Test func `memory of factors is counted`() throws {
    let checkpoint = try {
      _ = try source(
        TestTensor("q.weight", .float32, [30, 50], seed: 1), TestAdapter([("q", 30, 50)], rank: 4))
      return try CheckpointReader.open(merge.folder.appending("base")).applying([
        WeightedAdapter(try AdapterReader.open(merge.folder.appending("a")))
      ])
    }()
    // 4 x (30 + 50) numbers of 4 bytes, and two rows of numbers or a piece of the file.
    let factors = 4 * 80 * 4
    #expect(checkpoint.tensors[0].update?.byteCount(tile: 10_000) == factors + 2 * 10_000 * 8)
    #expect(checkpoint.tensors[0].update?.byteCount(tile: 10) == factors + 2 * 8192 * 8)
  }
}

extension TestAdapter {
  fileprivate func scale(rank: Int) -> Double { 4 / Double(rank) }
}
