import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the operating system says of this process.
struct ProcessUsage {
  /// The seconds that processors have spent in the process's own code, all threads added up.
  let userSeconds: Double
  /// The largest resident memory so far.
  let peakMiB: Double

  /// What holds now; zeros where the system does not say.
  static var now: ProcessUsage {
    var usage = rusage()
    // SAFETY: the structure is this function's own and lives until the call returns.
    guard unsafe getrusage(thisProcess, &usage) == 0 else {
      return ProcessUsage(userSeconds: 0, peakMiB: 0)
    }
    return ProcessUsage(
      userSeconds: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
      peakMiB: ownPeakMiB ?? Double(usage.ru_maxrss) / 1_048_576)
  }

  /// The peak since the program was started, as Linux has it; what its `getrusage` says includes
  /// that of the process which started it.
  private static var ownPeakMiB: Double? {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
  }

  /// `RUSAGE_SELF`, which has another type on each system.
  private static let thisProcess: Int32 = 0
}
