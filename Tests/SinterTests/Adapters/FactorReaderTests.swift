import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct FactorReaderTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Numbers that tell their place.
  private func tensor(_ name: String, _ dtype: DType, _ shape: [Int]) -> TestTensor {
    TestTensor(name, dtype, shape, (0..<shape.reduce(1, *)).map { Double($0 % 251) })
  }

  private func write(_ settings: String, _ tensors: [TestTensor], _ file: String) throws -> Adapter
  {
    try folder.write(settings, to: "a/adapter_config.json")
    try TestTensor.write(tensors, to: folder.appending("a/" + file))
    return try AdapterReader.open(folder.appending("a"))
  }

  @Test(arguments: [DType.float32, .bfloat16, .float64], ["x.experts.down_proj", "x.weight"])
  func `experts of PEFT lie one after another in A and alternate in B`(
    dtype: DType, parameter: String
  ) throws {
    let (experts, rank, inputs, outputs) = (3, 2, 5, 4)
    let module = String(parameter.dropLast(parameter.hasSuffix("weight") ? 7 : 10))
    let a = tensor("base_model.model.\(module).lora_A.weight", dtype, [experts * rank, inputs])
    let b = tensor("base_model.model.\(module).lora_B.weight", dtype, [outputs, rank * experts])
    let adapter = try write(
      #"{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_parameters": ["\#(parameter)"]}"#,
      [a, b], "adapter_model.safetensors")
    #expect(adapter.modules.map(\.label) == [parameter])
    #expect(adapter.modules.map(\.experts) == [experts])
    let reader = try FactorReader(adapter.modules[0], of: adapter)
    for expert in 0..<experts {
      let factors = try reader.factors(of: expert)
      for k in 0..<rank {
        for input in 0..<inputs {
          let stored = a.values[(expert * rank + k) * inputs + input]
          #expect(factors.a[k * inputs + input] == stored)
        }
        for output in 0..<outputs {
          let stored = b.values[output * rank * experts + k * experts + expert]
          #expect(factors.b[output * rank + k] == stored)
        }
      }
    }
  }

  @Test func `one matrix of MLX is stored turned, experts are not`() throws {
    let settings = #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 1}}"#
    let adapter = try write(
      settings,
      [
        tensor("q.lora_a", .float32, [5, 2]), tensor("q.lora_b", .float32, [2, 4]),
        tensor("s.lora_a", .float32, [3, 2, 5]), tensor("s.lora_b", .float32, [3, 4, 2]),
      ], "adapters.safetensors")
    let q = try adapter.factors(of: try #require(adapter.modules.first { $0.name == "q" }))
    #expect(q.a == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9])
    #expect(q.b == [0, 4, 1, 5, 2, 6, 3, 7])
    let s = try #require(adapter.modules.first { $0.name == "s" })
    let factors = try adapter.factors(of: s, expert: 2)
    #expect(factors.a == (20..<30).map(Double.init))
    #expect(factors.b == (16..<24).map(Double.init))
  }

  @Test func `the weight of a linear layer may be named as a parameter`() throws {
    let adapter = try write(
      #"{"peft_type": "LORA", "r": 1, "lora_alpha": 2, "target_parameters": ["q.weight"], "#
        + #""rank_pattern": {"q.weight": 2}}"#,
      [
        tensor("base_model.model.q.lora_A.weight", .float32, [2, 5]),
        tensor("base_model.model.q.lora_B.weight", .float32, [4, 2]),
      ], "adapter_model.safetensors")
    #expect(adapter.modules.map(\.kind) == [.linear])
    #expect(adapter.modules.map(\.rank) == [2])
  }
}
