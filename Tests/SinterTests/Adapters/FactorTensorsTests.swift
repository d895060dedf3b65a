import SinterTensors
import Testing

@testable import Sinter

@Suite struct FactorTensorsTests {
  private func tensors(
    _ layout: FactorTensors.Layout, ranks: [Int] = [2], hasBias: Bool = false
  ) -> [AdapterWriter.Tensor] {
    let scratch = AdapterWriter.Scratch(range: 0..<4)
    var factors = ModuleFactors(
      pairs: ranks.map {
        ModuleFactors.Pair(rank: $0, a: scratch, b: scratch, squaredNorm: 1, squaredError: 0)
      })
    if hasBias { factors.bias = ModuleFactors.Bias(values: scratch, isZero: false) }
    return FactorTensors(
      module: "m.q", layout: layout, dtype: .float32, factors: factors, inputs: 6, outputs: 7
    ).tensors
  }

  @Test(
    arguments: [
      (.linear, "lora_A.weight", [2, 6], "lora_B.weight", [7, 2]),
      (.embedding, "lora_embedding_A", [2, 6], "lora_embedding_B", [7, 2]),
      (
        .convolution(channels: 3, kernel: [2, 1]), "lora_A.weight", [2, 3, 2, 1], "lora_B.weight",
        [7, 2, 1, 1]
      ),
      (.parameter(nesting: 0), "lora_A.weight", [2, 6], "lora_B.weight", [7, 2]),
      (
        .parameter(nesting: 2), "base_layer.base_layer.lora_A.weight", [2, 6],
        "base_layer.base_layer.lora_B.weight", [7, 2]
      ),
    ] as [(FactorTensors.Layout, String, Shape, String, Shape)])
  func `factors have the names and shapes of PEFT`(
    layout: FactorTensors.Layout, nameOfA: String, a: Shape, nameOfB: String, b: Shape
  ) {
    let tensors = tensors(layout)
    #expect(
      tensors.map(\.name) == ["base_model.model.m.q.\(nameOfA)", "base_model.model.m.q.\(nameOfB)"])
    #expect(tensors.map(\.shape) == [a, b])
  }

  @Test func `a bias of B stands behind the factors`() {
    let tensors = tensors(.linear, hasBias: true)
    #expect(tensors.last?.name == "base_model.model.m.q.lora_B.bias")
    #expect(tensors.map(\.shape) == [[2, 6], [7, 2], [7]])
  }

  @Test func `experts have one rank, the largest`() {
    #expect(tensors(.parameter(nesting: 1), ranks: [1, 3, 0]).map(\.shape) == [[9, 6], [7, 9]])
  }
}
