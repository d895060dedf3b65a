import Foundation
import Safetensors
import SinterTensors

/// A checkpoint made up for measuring: a base model or a fine-tune of it, as a folder that merging
/// programs take for a Llama.
struct SyntheticModel: Sendable {
  let size: ModelSize
  /// 0 for the base, 1 and more for its fine-tunes.
  let number: Int
  let weights: SyntheticWeights

  /// Shards hold at most this many bytes of weights, as the usual libraries have it.
  private static let shardLimit = 5_000_000_000
  private static let chunk = 1 << 20

  /// The name of its folder: `base`, `a`, `b`, ...
  static func name(_ number: Int) -> String {
    guard number > 0 else { return "base" }
    let letter = UnicodeScalar(UInt8(ascii: "a") + UInt8((number - 1) % 26))
    return String(letter) + (number > 26 ? "\((number - 1) / 26)" : "")
  }

  /// Writes the folder, which is made when it is not there.
  func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let shards = shards
    for (place, tensors) in shards.enumerated() {
      try write(tensors, to: "\(folder)/\(Self.file(place, of: shards.count))")
    }
    if shards.count > 1 {
      let path = "\(folder)/model.safetensors.index.json"
      let entries = shards.enumerated().flatMap { place, tensors in
        tensors.map {
          ShardIndex.Entry(tensor: $0.name, file: Self.file(place, of: shards.count))
        }
      }
      let total = size.tensors.reduce(0) { $0 + 2 * $1.shape.elementCount }
      let index = try ShardIndex(entries: entries, totalSize: total, path: path)
      try Data(index.encoded()).write(to: URL(fileURLWithPath: path))
    }
    for (name, text) in [("config.json", size.configuration)] + Self.tokenizer {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
  }

  private var shards: [[TensorDeclaration]] {
    var shards: [[TensorDeclaration]] = [[]]
    var filled = 0
    for tensor in size.tensors {
      let bytes = 2 * tensor.shape.elementCount
      if filled + bytes > Self.shardLimit {
        shards.append([])
        filled = 0
      }
      shards[shards.count - 1].append(tensor)
      filled += bytes
    }
    return shards
  }

  private static func file(_ place: Int, of count: Int) -> String {
    guard count > 1 else { return "model.safetensors" }
    return "model-\(padded(place + 1))-of-\(padded(count)).safetensors"
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  private func write(_ tensors: [TensorDeclaration], to path: String) throws {
    var writer = try SafetensorsWriter.create(at: path, tensors: tensors, existing: .replace)
    for (index, tensor) in tensors.enumerated() {
      let dimensions = tensor.shape.dimensions
      let (rows, length) =
        dimensions.count == 1 ? (1, dimensions[0]) : (dimensions[0], dimensions[1])
      let step = max(1, Self.chunk / length)
      for start in stride(from: 0, to: rows, by: step) {
        let part = start..<min(start + step, rows)
        var elements = [UInt16](repeating: 0, count: part.count * length)
        weights.fill(
          rows: part, of: tensor.name, length: length, isVector: dimensions.count == 1,
          model: number, into: &elements)
        try writer.write(elements.span, tensor: index, at: 2 * start * length)
      }
    }
    try writer.finish()
  }

  /// A tokenizer with three words: enough for programs that insist on one.
  private static let tokenizer = [
    (
      "tokenizer.json",
      """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null,
        "decoder": null,
        "model": {
          "type": "WordLevel",
          "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2},
          "unk_token": "<unk>"
        }
      }

      """
    ),
    (
      "tokenizer_config.json",
      """
      {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "model_max_length": 2048,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>"
      }

      """
    ),
  ]
}
