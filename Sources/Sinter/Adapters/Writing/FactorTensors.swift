import Safetensors
import SinterTensors

/// The tensors in which PEFT stores the factors of a module.
struct FactorTensors {
  /// What the module is, which decides names and shapes.
  enum Layout: Sendable, Hashable {
    case linear
    case embedding
    /// The kernel has an axis or more.
    case convolution(channels: Int, kernel: [Int])
    /// A parameter with one matrix for each expert. Of several parameters of a module only the
    /// nesting tells which one is meant: how many pairs of factors stand around this one.
    case parameter(nesting: Int)
  }

  /// The name of the module, without the adapter's prefix.
  let module: String
  let layout: Layout
  let dtype: DType
  let factors: ModuleFactors
  /// The columns of A; of one expert.
  let inputs: Int
  /// The rows of B; of one expert.
  let outputs: Int

  /// The tensors, in the order in which they stand in the file.
  var tensors: [AdapterWriter.Tensor] {
    let count = factors.pairs.count
    let (rank, width) = (factors.rank, dtype.bitWidth / 8)
    var shapes: (a: Shape, b: Shape) = ([rank * count, inputs], [outputs, rank * count])
    if case .convolution(let channels, let kernel) = layout {
      shapes = (Shape([rank, channels] + kernel), Shape([outputs, rank] + kernel.map { _ in 1 }))
    }
    var start = AdapterWriter.Tensor.prefix + module
    if case .parameter(let nesting) = layout {
      start += String(repeating: ".base_layer", count: nesting)
    }
    let names =
      layout == .embedding
      ? (a: "\(start).lora_embedding_A", b: "\(start).lora_embedding_B")
      : (a: "\(start).lora_A.weight", b: "\(start).lora_B.weight")
    let bias = factors.bias.map {
      AdapterWriter.Tensor("\(start).lora_B.bias", dtype, [outputs], .scratch($0.values))
    }
    return [
      AdapterWriter.Tensor(
        names.a, dtype, shapes.a,
        .stacked(factors.pairs.map(\.a), byteCount: rank * inputs * width)),
      AdapterWriter.Tensor(
        names.b, dtype, shapes.b,
        count == 1
          ? .scratch(factors.pairs[0].b)
          : .alternating(factors.pairs.map(\.b), rows: outputs, columns: rank)),
    ] + (bias.map { [$0] } ?? [])
  }
}

extension AdapterWriter.Tensor {
  /// What stands before all names of an adapter.
  static let prefix = "base_model.model."
}
