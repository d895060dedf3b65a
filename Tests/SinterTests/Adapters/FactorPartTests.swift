import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct FactorPartTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A module whose factors hold their places in the file.
  private func module(
    _ format: AdapterConfiguration.Format, _ kind: AdapterModule.Kind, experts: Int, rank: Int,
    inputs: Int, outputs: Int
  ) throws -> (AdapterModule, InputFile) {
    let shapes: ([Int], [Int]) =
      switch (format, kind) {
      case (.mlx, .switchLinear): ([experts, rank, inputs], [experts, outputs, rank])
      case (.mlx, _): ([inputs, rank], [rank, outputs])
      case (.peft, _): ([experts * rank, inputs], [outputs, experts * rank])
      }
    let tensors = [("a", shapes.0), ("b", shapes.1)].map { name, shape in
      TestTensor(
        name, .float32, shape, (0..<Shape(shape).elementCount).map { Double($0) })
    }
    try TestTensor.write(tensors, to: folder.appending("f.safetensors"))
    let file = try SafetensorsFile(path: folder.appending("f.safetensors"))
    let stored = file.tensors.map {
      CheckpointTensor($0, file: 0, dataStart: file.header.dataStart)
    }
    let module = AdapterModule(
      name: "m", kind: kind, format: format, nesting: 0, a: stored[0], b: stored[1], rank: rank,
      experts: experts, alpha: 1, scale: 1, magnitude: nil, magnitudeAxis: .outputs, bias: nil)
    return (module, file.input)
  }

  /// Where a number of a factor lies in the file.
  private func place(
    _ module: AdapterModule, ofA: Bool, _ expert: Int, _ k: Int, _ side: Int
  ) -> Int {
    let (rank, experts) = (module.rank, module.experts)
    switch (module.format, module.kind, ofA) {
    case (.mlx, .switchLinear, true): return (expert * rank + k) * module.inputs + side
    case (.mlx, .switchLinear, false): return (expert * module.outputs + side) * rank + k
    case (.mlx, _, true): return side * rank + k
    case (.mlx, _, false): return k * module.outputs + side
    case (.peft, _, true): return (expert * rank + k) * module.inputs + side
    case (.peft, _, false): return side * rank * experts + k * experts + expert
    }
  }

  private func ranges(_ count: Int) -> [Range<Int>] {
    (0..<count).flatMap { first in (first + 1...count).map { first..<$0 } }
  }

  private func check(
    _ module: AdapterModule, _ file: InputFile, _ experts: Range<Int>, _ side: Range<Int>,
    ofA: Bool
  ) throws {
    let part =
      ofA ? FactorPart.ofA(module, experts, side) : FactorPart.ofB(module, experts, side)
    let ranks = 0..<module.rank
    let bySide = experts.flatMap { e in
      side.flatMap { s in ranks.map { Double(place(module, ofA: ofA, e, $0, s)) } }
    }
    let byRank = experts.flatMap { e in
      ranks.flatMap { k in side.map { Double(place(module, ofA: ofA, e, k, $0)) } }
    }
    #expect(try part.numbers([.expert, .side, .rank], from: file, as: Double.self) == bySide)
    #expect(try part.numbers([.expert, .rank, .side], from: file, as: Double.self) == byRank)
    let extent = (bySide.max() ?? 0) - (bySide.min() ?? 0) + 1
    #expect(part.readByteCount == 4 * Int(extent))
  }

  private static let layouts: [(AdapterConfiguration.Format, AdapterModule.Kind, Int)] = [
    (.peft, .linear, 1), (.mlx, .linear, 1), (.mlx, .embedding, 1), (.peft, .parameter("w"), 1),
    (.peft, .parameter("w"), 3), (.mlx, .switchLinear, 3),
  ]

  @Test(arguments: layouts)
  func `every part of every layout`(
    format: AdapterConfiguration.Format, kind: AdapterModule.Kind, experts: Int
  ) throws {
    for (rank, inputs, outputs) in [(1, 1, 1), (2, 3, 4), (3, 4, 1), (1, 2, 3)] {
      let (module, file) = try module(
        format, kind, experts: experts, rank: rank, inputs: inputs, outputs: outputs)
      for experts in ranges(experts) {
        for side in ranges(inputs) { try check(module, file, experts, side, ofA: true) }
        for side in ranges(outputs) { try check(module, file, experts, side, ofA: false) }
      }
    }
  }

  @Test(arguments: layouts)
  func `parts that are read in pieces`(
    format: AdapterConfiguration.Format, kind: AdapterModule.Kind, experts: Int
  ) throws {
    let (module, file) = try module(
      format, kind, experts: experts, rank: 3, inputs: 3001, outputs: 2999)
    for experts in [0..<experts, experts - 1..<experts] {
      try check(module, file, experts, 0..<3001, ofA: true)
      try check(module, file, experts, 17..<2000, ofA: true)
      try check(module, file, experts, 0..<2999, ofA: false)
      try check(module, file, experts, 2998..<2999, ofA: false)
    }
  }
}
