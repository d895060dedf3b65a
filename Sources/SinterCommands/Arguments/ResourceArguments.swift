import ArgumentParser
import Foundation
import Sinter

/// With how many workers and in how much memory a plan is executed.
struct ResourceArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The number of workers; does not change the result. (default: all cores)", valueName: "n"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      """
      The ceiling of working memory, such as 64MiB or 2GB; does not change the result. \
      (default: 512MiB)
      """,
      valueName: "size"),
    transform: ByteSize.init(parsing:))
  var memory = ByteSize(512 << 20, "512MiB")

  func validate() throws {
    if let threads, !(1...4096).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 4096, found \(threads)")
    }
  }

  /// The options of the executor.
  ///
  /// - Parameters:
  ///   - overwrites: whether an existing output is replaced.
  ///   - allowsNonFinite: whether values that are NaN or infinite are written.
  ///   - synchronizes: whether the weights must be on the disk before the output is complete.
  /// - Returns: the options, with all cores when the user named no number.
  func options(
    overwrites: Bool = false, allowsNonFinite: Bool = false, synchronizes: Bool = true
  ) -> ExecutionOptions {
    ExecutionOptions(
      threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
      memory: memory.byteCount, overwrites: overwrites, allowsNonFinite: allowsNonFinite,
      synchronizes: synchronizes)
  }
}
