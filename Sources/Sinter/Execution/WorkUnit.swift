import Safetensors

/// A part of a merge whose steps several workers share: one tensor, or all that one survey covers.
///
/// ``take()``, ``complete(_:_:)`` and ``isFinished`` are called under the scheduler's lock;
/// ``perform(_:with:)`` is called without it, by any worker, for several tickets at a time.
protocol WorkUnit: AnyObject, Sendable {
  /// Whether all steps are done.
  var isFinished: Bool { get }

  /// The number of output tensors that are complete when the unit is finished.
  var tensorCount: Int { get }

  /// While the unit surveys, the steps whose results are in the making or wait for an earlier one;
  /// `nil` afterwards.
  var surveyStepsHeld: Int? { get }

  /// The bytes that the unit's survey holds in the end, beside partial results.
  var surveyHeldByteCount: Int { get }

  /// Hands out a step that can be done now; `nil` when there is none, for good or until others
  /// are complete.
  func take() -> WorkTicket?

  /// Does a step.
  func perform(_ ticket: WorkTicket, with buffers: inout WorkerBuffers) throws -> StepResult

  /// Takes up the result of a step.
  func complete(_ ticket: WorkTicket, _ result: StepResult)
}

extension WorkUnit {
  /// None: what holds nothing need not say so.
  var surveyHeldByteCount: Int { 0 }
}

/// A step that was handed out to a worker.
struct WorkTicket: Sendable {
  /// What is to be done.
  enum Step: Sendable {
    /// Read what all tiles of a tensor need.
    case load
    /// Fold tiles into the survey.
    case survey
    /// Fold a sample of the tensor into the survey.
    case sample
    /// Merge tiles and write them.
    case merge
    /// Copy the bytes of tiles.
    case copy
  }

  let step: Step
  /// The place of the tensor in its unit.
  let member: Int
  /// The tiles of the tensor.
  let tiles: Range<Int>
  /// The number of the step in its pass, in tile order over all tensors of the unit.
  let ordinal: Int
}

/// What a step brought.
struct StepResult: Sendable {
  /// What the tiles contribute to their unit's survey, or `nil`.
  var partial: (any Sendable)?
  /// The bytes that were read and written.
  var bytesRead = 0
  var bytesWritten = 0
  /// Values that are not finite, where there are any.
  private(set) var nonFinite: NonFiniteCount?

  /// Adds values that are not finite.
  mutating func addNonFinite(_ count: NonFiniteCount) {
    if nonFinite == nil { nonFinite = count } else { nonFinite?.add(count) }
  }
}

/// Values of one tensor that are NaN or infinite.
struct NonFiniteCount: Sendable {
  /// The tensor of the output.
  let tensor: String
  /// The count in each input's tensor, by the place of the source.
  var inputs: [Int]
  /// The results that are not finite.
  var results: Int
  /// How many of them were not finite before they were rounded to the output's type.
  var unrounded = 0

  /// Adds the counts of other tiles of the same tensor.
  mutating func add(_ other: NonFiniteCount) {
    for index in inputs.indices { inputs[index] += other.inputs[index] }
    results += other.results
    unrounded += other.unrounded
  }
}
