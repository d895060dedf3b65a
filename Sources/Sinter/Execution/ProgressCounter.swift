import Synchronization

/// How far a merge has come; written by workers, read by whoever shows it.
public final class ProgressCounter: Sendable {
  private let tensors = Atomic<Int>(0)
  private let read = Atomic<Int>(0)
  private let written = Atomic<Int>(0)
  private let expected = Atomic<Int>(-1)

  /// Starts at zero.
  public init() {}

  /// The output tensors that are complete.
  public var tensorsDone: Int { tensors.load(ordering: .relaxed) }
  /// The bytes that were read, survey passes included.
  public var bytesRead: Int { read.load(ordering: .relaxed) }
  /// The bytes of tensors that were written.
  public var bytesWritten: Int { written.load(ordering: .relaxed) }

  /// The modules that an adapter is made of, each of which counts as a tensor; `nil` until their
  /// number is known, and in merges, whose plan says it.
  public var modulesExpected: Int? {
    let count = expected.load(ordering: .relaxed)
    return count < 0 ? nil : count
  }

  func expect(modules count: Int) { expected.store(count, ordering: .relaxed) }

  func add(tensors count: Int) { tensors.add(count, ordering: .relaxed) }

  func add(bytesRead: Int, bytesWritten: Int) {
    read.add(bytesRead, ordering: .relaxed)
    written.add(bytesWritten, ordering: .relaxed)
  }
}
