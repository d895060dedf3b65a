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
  private var parameters: [String] = []

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

  /// Adds random factors for a parameter with the packed weights of experts.
  ///
  /// - Parameters:
  ///   - parameter: its name.
  ///   - nesting: how many pairs of factors of the module stand around this one.
  ///   - shape: experts, outputs and inputs.
  ///   - rank: the rank of each expert.
  ///   - seed: the seed of the numbers.
  mutating func addExperts(
    _ parameter: String, nesting: Int = 0, _ shape: (Int, Int, Int), rank: Int = 2,
    seed: UInt64 = 1
  ) {
    let module = parameter.split(separator: ".").dropLast().joined(separator: ".")
    let start =
      "base_model.model." + module + String(repeating: ".base_layer", count: nesting) + ".lora_"
    extra += [
      TestTensor(
        start + "A.weight", .float32, [rank * shape.0, shape.2], seed: seed, scale: 0.5),
      TestTensor(
        start + "B.weight", .float32, [shape.1, rank * shape.0], seed: seed, scale: 0.5),
    ]
    parameters.append(parameter)
  }

  /// Names the last parameter otherwise in the configuration.
  mutating func rename(parameter name: String) {
    parameters[parameters.count - 1] = name
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
    var settings = settings
    if !parameters.isEmpty {
      settings["target_parameters"] =
        "[" + parameters.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
      settings["peft_version"] = settings["peft_version"] ?? "\"0.19.1\""
    }
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
