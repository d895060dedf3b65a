import Safetensors
import SinterTensors

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
