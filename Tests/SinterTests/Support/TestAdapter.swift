import Foundation
import SinterTensors

@testable import Sinter

/// An adapter that a test writes, and what it does by the plainest formulas.
struct TestAdapter {
  /// A module with its factors in PEFT's orientation.
  struct Module {
    let name: String
    let a: TestTensor
    let b: TestTensor
  }

  var modules: [Module] = []
  var extra: [TestTensor] = []
  var settings: [String: String] = [:]

  /// An adapter of random factors for linear modules.
  ///
  /// - Parameters:
  ///   - modules: name, outputs and inputs of each.
  ///   - rank: the rank of all.
  ///   - alpha: the alpha of all.
  ///   - seed: the seed of the numbers.
  ///   - dtype: the type of the factors.
  init(
    _ modules: [(String, Int, Int)], rank: Int = 2, alpha: Double = 4, seed: UInt64 = 1,
    dtype: DType = .float32
  ) {
    settings = ["peft_type": "\"LORA\"", "r": "\(rank)", "lora_alpha": "\(alpha)"]
    self.modules = modules.map { name, outputs, inputs in
      Module(
        name: name,
        a: TestTensor(
          "base_model.model.\(name).lora_A.weight", dtype, [rank, inputs], seed: seed, scale: 0.5),
        b: TestTensor(
          "base_model.model.\(name).lora_B.weight", dtype, [outputs, rank], seed: seed, scale: 0.5))
    }
  }

  /// Writes the adapter to a folder.
  func write(to path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try TestTensor.write(
      modules.flatMap { [$0.a, $0.b] } + extra, to: path + "/adapter_model.safetensors")
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
  }

  /// The text of the configuration.
  var configuration: String {
    let members = settings.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return "{\(members.joined(separator: ", "))}"
  }

  /// B · A of a module, outputs x inputs, each sum taken in order.
  static func product(_ module: Module) -> [Double] {
    let (rank, inputs) = (module.a.shape[0], module.a.shape[1])
    return (0..<module.b.shape[0] * inputs).map { place in
      let (row, column) = place.quotientAndRemainder(dividingBy: inputs)
      return (0..<rank).reduce(0) { sum, k in
        sum + module.b.values[row * rank + k] * module.a.values[k * inputs + column]
      }
    }
  }
}
