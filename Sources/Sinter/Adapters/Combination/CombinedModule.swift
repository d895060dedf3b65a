import Safetensors
import SinterTensors

/// A module that at least one of the adapters changes, and how its updates become one.
struct CombinedModule: Sendable {
  /// What is computed.
  enum Step: Sendable {
    /// The sum of the updates, each times a coefficient.
    case sum([Double])
    /// A merge of the updates, element by element.
    case elements(any MergeMethod)
    /// A merge in a shared basis; the group is made again when its extents are known.
    case sharedBasis(any MergeMethod.Type, MergeGroup)
  }

  /// The update of each adapter, in the order of adapters; `nil` where one has none.
  let parts: [AdapterModule?]
  let step: Step
  /// What is computed for that which is added to the module's bias; `nil` for nothing.
  let bias: Step?
  /// The bytes that a survey's partial result takes.
  let surveyByteCount: Int
  /// The bytes that the survey holds in the end.
  let surveyHeldByteCount: Int

  /// Makes a module, with the memory of the method that surveys its updates, if one does.
  init(
    parts: [AdapterModule?], step: Step, bias: Step?, surveying method: (any MergeMethod)?
  ) {
    self.parts = parts
    self.step = step
    self.bias = bias
    surveyByteCount = method?.surveyByteCount ?? 0
    surveyHeldByteCount = method?.surveyHeldByteCount ?? 0
  }

  /// The first update that there is: what it is, all are.
  var first: AdapterModule? { parts.lazy.compactMap(\.self).first }

  /// The name of the module, without the adapter's prefix.
  var name: String { first?.name ?? "" }
  /// The name in reports and messages: of a parameter its own.
  var label: String { first?.label ?? "" }
  /// The parameter that has the factors; `nil` for a module that is targeted as a whole.
  var parameter: String? { first?.parameterName }
  var kind: AdapterModule.Kind { first?.kind ?? .linear }
  /// The columns of a matrix of the update.
  var inputs: Int { first?.inputs ?? 0 }
  /// The rows of a matrix of the update.
  var outputs: Int { first?.outputs ?? 0 }
  /// The number of matrices: of experts, or 1.
  var experts: Int { first?.experts ?? 1 }

  /// The sum of the ranks of the updates; of experts, of each.
  var rank: Int { parts.reduce(0) { $0 + ($1?.rank ?? 0) } }

  /// About how much work it is.
  var size: Int { experts * (inputs + outputs) * max(rank, 1) }

  /// The shape of the weight: outputs x inputs, of a convolution with its kernel, of an embedding
  /// its entries first, of packed experts their number.
  var shape: Shape {
    guard let first else { return [] }
    switch kind {
    case .embedding: return [inputs, outputs]
    case .convolution: return Shape([outputs] + first.a.shape.dimensions.dropFirst())
    case .parameter where experts == 1: return [outputs, inputs]
    case .parameter, .switchLinear: return [experts, outputs, inputs]
    case .linear: return [outputs, inputs]
    }
  }
}

/// The memory that modules take while they are combined, and how they share it.
struct CombinationBudget: Sendable {
  /// How modules share threads and memory.
  let shares: ModuleShares
  /// Why not even one module fits.
  let fault: Diagnostic?

  /// What a process needs beside the matrices: code, runtime, headers.
  static let fixedMemory = 32 << 20

  /// Divides the memory.
  init(_ modules: [CombinedModule], _ options: CombinationOptions) {
    let needs = modules.map { Self.need(of: $0, options) }
    shares = ModuleShares(
      needs: needs, threads: options.threads, memory: options.memory - Self.fixedMemory)
    guard let largest = needs.max(), largest > shares.all.memory,
      let place = needs.firstIndex(of: largest)
    else {
      fault = nil
      return
    }
    let module = modules[place]
    fault = Diagnostic(
      .error,
      "'\(module.label)' (\(module.experts > 1 ? "\(module.experts) x " : "")\(module.outputs) x "
        + "\(module.inputs), ranks that sum to \(module.rank)) "
        + "needs \(ByteCountText(largest + Self.fixedMemory)) of memory, more than the ceiling of "
        + "\(ByteCountText(options.memory))",
      hint: "raise --memory")
  }

  /// The rank of a merged update that is tried first.
  static func firstRank(of module: CombinedModule, _ options: CombinationOptions) -> Int {
    let limit = min(module.outputs, module.inputs)
    guard options.energy != nil else { return max(1, min(options.rank ?? module.rank, limit)) }
    return max(1, min(options.rank ?? limit, limit, 32))
  }

  /// The memory that a module takes when no merged update is kept, in bytes.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - options: how it is combined.
  ///   - tried: the rank of a merged update that is tried; the first one when not said otherwise.
  /// - Returns: the bytes.
  static func need(
    of module: CombinedModule, _ options: CombinationOptions, rank tried: Int? = nil
  ) -> Int {
    let (rows, columns, rank) = (module.outputs, module.inputs, module.rank)
    // The factors as read, side by side, orthonormal, and the results.
    let factors = MemoryLayout<Double>.stride * rank * (rows + columns)
    let small = 6 * MemoryLayout<Double>.stride * rank * rank
    let buffers = 4 << 20
    let read = module.parts.reduce(0) { $0 + ($1?.byteCountOfReading ?? 0) }
    // A partial result of each thread, and their sum, which takes as much as four more at most.
    let survey = module.surveyByteCount * (options.threads + 4) + module.surveyHeldByteCount
    switch module.step {
    case .sum:
      return buffers + 6 * factors + small + read
    case .sharedBasis:
      return buffers + 10 * factors + small + survey + read
    case .elements:
      let tried = tried ?? firstRank(of: module, options)
      // The factors of all experts are kept while their merge is computed.
      return buffers + (module.experts + 2) * factors + survey + read
        + fitting(
          rows, columns, directions: min(rows, columns, RangeFinder.directions(rank: tried)))
    }
  }

  /// The memory that the factors of a merged update take while they are sought.
  static func fitting(_ rows: Int, _ columns: Int, directions: Int) -> Int {
    let block = 3 * MemoryLayout<Float>.stride * max(64 * columns, 1 << 20)
    let small = min(rows, columns)
    if directions >= small { return block + 16 * rows * columns + 32 * small * small }
    return block + 4 * directions * (rows + columns + max(rows, columns))
      + 40 * directions * directions
  }
}
