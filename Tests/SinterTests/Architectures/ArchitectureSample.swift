import SinterTensors
import Testing

@testable import Sinter

/// A checkpoint of an architecture in small: the names of tensors, kinds of shapes and keys of the
/// configuration are those of released checkpoints.
struct ArchitectureSample: Sendable, CustomTestStringConvertible {
  /// A tensor that a sample has.
  struct Entry: Sendable {
    let name: String
    let shape: [Int]
    let dtype: DType
  }

  let name: String
  let config: String
  /// How many layers count in each stack, by the prefix of the stack.
  let stacks: [String: Int]
  private(set) var entries: [Entry] = []

  init(_ name: String, config: String, stacks: [String: Int]) {
    self.name = name
    self.config = config
    self.stacks = stacks
  }

  var testDescription: String { name }

  // MARK: - Sizes

  static let hidden = 4
  static let inner = 6
  static let vocabulary = 10

  // MARK: - Building

  mutating func add(_ name: String, _ shape: [Int], _ dtype: DType = .bfloat16) {
    entries.append(Entry(name: name, shape: shape, dtype: dtype))
  }

  /// Adds vectors as long as the hidden state.
  mutating func vectors(_ prefix: String, _ names: String) {
    for name in names.split(separator: " ") { add(prefix + name, [Self.hidden]) }
  }

  /// Adds square matrices.
  mutating func squares(_ prefix: String, _ names: String) {
    for name in names.split(separator: " ") { add(prefix + name, [Self.hidden, Self.hidden]) }
  }

  /// Adds linear layers with their biases.
  mutating func linears(_ prefix: String, _ names: String, _ shape: [Int] = [4, 4]) {
    for name in names.split(separator: " ") {
      add(prefix + name + ".weight", shape)
      add(prefix + name + ".bias", [shape[0]])
    }
  }

  /// Adds the three matrices of a gated feed-forward part.
  mutating func gated(_ prefix: String, _ inner: Int = Self.inner) {
    add(prefix + "gate_proj.weight", [inner, Self.hidden])
    add(prefix + "up_proj.weight", [inner, Self.hidden])
    add(prefix + "down_proj.weight", [Self.hidden, inner])
  }

  /// Adds the attention of the Llama family.
  mutating func attention(_ prefix: String, norms: Bool = false) {
    squares(prefix, "q_proj.weight")
    add(prefix + "k_proj.weight", [2, Self.hidden])
    add(prefix + "v_proj.weight", [2, Self.hidden])
    squares(prefix, "o_proj.weight")
    if norms {
      add(prefix + "q_norm.weight", [2])
      add(prefix + "k_norm.weight", [2])
    }
  }

  mutating func embedding(_ name: String) {
    add(name, [Self.vocabulary, Self.hidden])
  }

  // MARK: - Using

  /// A checkpoint; those of different seeds lie close together, as fine-tunes of one model do.
  func tensors(seed: UInt64, rename: (String) -> String = { $0 }) -> [TestTensor] {
    entries.map { entry in
      let name = rename(entry.name)
      guard entry.dtype.isFloatingPoint else {
        let count = Shape(entry.shape).elementCount
        let values = (0..<count).map { entry.dtype == .bool ? Double($0 % 2) : Double($0) }
        return TestTensor(name, entry.dtype, entry.shape, values)
      }
      let common = TestTensor(entry.name, entry.dtype, entry.shape, seed: 1, scale: 1)
      let own = TestTensor(
        entry.name, entry.dtype, entry.shape, seed: seed, scale: 0.1, around: common)
      return TestTensor(name, entry.dtype, entry.shape, own.values)
    }
  }

  /// How far down its stack a tensor lies: 0 for the first layer and outside layers, 1 for the last
  /// layer and beyond.
  func fraction(of name: String) -> Double {
    for (prefix, count) in stacks where name.hasPrefix(prefix) {
      guard
        let number = name.dropFirst(prefix.count).split(separator: ".").first.flatMap({ Int($0) })
      else { continue }
      return count == 1 ? 1 : min(Double(number) / Double(count - 1), 1)
    }
    return 0
  }

  /// The sample of a name.
  static func named(_ name: String) -> ArchitectureSample {
    guard let sample = all.first(where: { $0.name == name }) else {
      preconditionFailure("there is no sample '\(name)'")
    }
    return sample
  }

  static let all: [ArchitectureSample] = decoders + mixed + encoders + multimodal
}
