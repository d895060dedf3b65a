import Synchronization

/// Which vector instructions the loops over rows use: every level gives the same bits.
///
/// The highest that the machine has is chosen when the first loop runs. Tests and benchmarks choose
/// another to compare them.
package enum KernelLevel: Int32, Sendable, CaseIterable {
  /// What every machine of the architecture has: SSE2 or NEON.
  case baseline
  /// x86-64 with AVX2.
  case avx2
  /// x86-64 with AVX-512 F, BW, DQ and VL.
  case avx512

  /// The levels that this machine has.
  package static var available: [KernelLevel] {
    allCases.filter { $0.rawValue <= Kernels.bestLevel }
  }

  /// The number by which C knows the level in use.
  static var current: Int32 { chosen.load(ordering: .relaxed) }

  private static let chosen = Atomic<Int32>(Kernels.bestLevel)
  private static let turn = Mutex<Void>(())

  /// Does something with a level in use; one caller at a time, so it must not be nested.
  ///
  /// Other threads use the level too meanwhile, which changes nothing but their speed.
  ///
  /// - Parameters:
  ///   - level: a level that the machine has.
  ///   - body: what to do.
  /// - Returns: what the body returns.
  package static func with<Result>(_ level: KernelLevel, _ body: () throws -> Result) rethrows
    -> Result
  {
    precondition(level.rawValue <= Kernels.bestLevel, "the machine does not have this level")
    return try turn.withLock { _ in
      chosen.store(level.rawValue, ordering: .relaxed)
      defer { chosen.store(Kernels.bestLevel, ordering: .relaxed) }
      return try body()
    }
  }
}
