import Safetensors

/// The memory that modules take while they are extracted, and how they share it.
struct ExtractionBudget: Sendable {
  /// How modules share threads and memory.
  let shares: ModuleShares
  /// Why not even one module fits.
  let fault: Diagnostic?

  /// What a process needs beside the matrices: code, runtime, headers.
  static let fixedMemory = 32 << 20

  /// Divides the memory.
  init(_ modules: [ModuleDifference], options: ExtractionOptions) {
    let sized = modules.filter { $0.form != nil && !$0.isLeftOut }
    let needs = sized.map { Self.need(of: $0, directions: Self.directions(options, for: $0)) }
    shares = ModuleShares(
      needs: needs, threads: options.threads, memory: options.memory - Self.fixedMemory)
    guard let largest = needs.max(), largest > shares.all.memory,
      let place = needs.firstIndex(of: largest)
    else {
      fault = nil
      return
    }
    let (rows, columns) = sized[place].extents
    fault = Diagnostic(
      .error,
      "'\(sized[place].label)' (\(rows) x \(columns)) needs "
        + "\(ByteCountText(largest + Self.fixedMemory)) of memory, more than the ceiling of "
        + "\(ByteCountText(options.memory))",
      hint: "raise --memory, or choose a smaller --rank")
  }

  /// How many directions are followed, at first when the energy decides.
  static func directions(_ options: ExtractionOptions, for module: ModuleDifference) -> Int {
    let limit = min(module.extents.rows, module.extents.columns)
    let rank = options.energy == nil ? options.rank ?? limit : min(options.rank ?? 32, 32)
    return directions(rank: rank, limit)
  }

  /// How many directions of a matrix are followed for a rank.
  ///
  /// - Parameters:
  ///   - rank: the rank.
  ///   - limit: the smaller extent of the matrix.
  /// - Returns: the number of directions, at most the limit.
  static func directions(rank: Int, _ limit: Int) -> Int {
    min(limit, RangeFinder.directions(rank: min(rank, limit)))
  }

  /// The memory that a module takes when its matrix is not kept, in bytes.
  static func need(of module: ModuleDifference, directions: Int) -> Int {
    let (rows, columns) = module.extents
    let small = min(rows, columns)
    // Buffers to read into, a block of rows and what is compared with it.
    let fixed = 4 << 20 + 3 * 4 * max(64 * columns, 1 << 20)
    // All directions take the matrix itself, its transpose and a basis.
    if directions >= small { return fixed + 4 * 4 * rows * columns + 4 * 8 * small * small }
    return fixed + 4 * directions * (rows + columns + max(rows, columns))
      + 5 * 8 * directions * directions
  }
}
