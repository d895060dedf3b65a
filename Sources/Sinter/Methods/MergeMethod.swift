public import SinterTensors

/// A merge method: pure arithmetic over a group, the inputs of one output tensor.
///
/// A value of a conforming type serves one group. It is made when the merge is planned, so a fault
/// that follows from the parameters alone (weights that sum to zero) is found before any weight is
/// read. It knows nothing of files, element types, threads or recipes.
///
/// The engine first folds the whole tensor into a ``Survey``, tile by tile and pass by pass, where
/// the method needs facts such as a norm or a threshold; then it asks for each output tile once.
/// Tiles come in any order and on any thread, so neither step may keep state of its own.
///
/// Where all rows are BF16 as they stand in files, and the result is too, the engine asks first
/// whether the method can do without widening them: a method may say no, or say it for what it finds.
///
/// A method is one source file, one test file, one documentation page and one line in
/// ``MethodRegistry/builtIn``.
public protocol MergeMethod: Sendable {
  /// What is folded over the whole tensor before it is merged.
  associatedtype Survey: TensorSurvey = NoSurvey

  /// What the method says of itself.
  static var declaration: MethodDeclaration { get }

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group: its inputs, shape and parameters.
  /// - Throws: ``MethodFault`` when the parameters cannot be used together.
  init(_ group: MergeGroup) throws(MethodFault)

  /// The input whose values are the result as they stand, so that bytes can be copied; `nil` when
  /// not said otherwise.
  var copiedInput: Int? { get }

  /// How a tensor may be cut into tiles; elements when not said otherwise.
  var grain: TileGrain { get }

  /// The rows that the method needs to work in beside those of the inputs; 0 when not said otherwise.
  var scratchRows: Int { get }

  /// The bytes that a partial result of the survey can take, where that is more than a few numbers;
  /// 0 when not said otherwise.
  var surveyByteCount: Int { get }

  /// The bytes that the survey holds in the end, with all partial results that it has not taken up
  /// yet, beside a few numbers; 0 when not said otherwise.
  var surveyHeldByteCount: Int { get }

  /// What one survey covers; its tensor when not said otherwise.
  ///
  /// All groups of a recipe whose scope is the model share one survey.
  var surveyScope: SurveyScope { get }

  /// The survey before its first pass.
  ///
  /// - Parameter groups: the groups that it covers: one, or all that the method merges when
  ///   ``surveyScope`` is the model.
  /// - Returns: a survey that has seen nothing.
  static func makeSurvey(_ groups: [Self]) -> Survey

  /// Looks at one tile of inputs and adds what it finds to a partial result.
  ///
  /// A partial result covers a run of consecutive tiles, in their order.
  ///
  /// - Parameters:
  ///   - tile: one row for each input, the base first; may be overwritten.
  ///   - scratch: ``scratchRows`` rows of the same length, of undefined content.
  ///   - position: where the tile lies in its tensor.
  ///   - survey: the survey as it stood before this pass.
  ///   - partial: what the tiles before this one in its run contributed.
  func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into partial: inout Survey.Partial
  )

  /// Looks at one tile with rows as they are stored, and adds what it finds: the same as of the tile.
  ///
  /// - Parameters:
  ///   - rows: one row for each input, the base first.
  ///   - position: where the tile lies in its tensor.
  ///   - survey: the survey as it stood before this pass.
  ///   - partial: what the tiles before this one in its run contributed.
  /// - Returns: whether it was done; if not, the partial result is as it was. A tile with NaN or
  ///   infinities is never done. `false` when not said otherwise.
  func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into partial: inout Survey.Partial
  ) -> Bool

  /// Merges one tile.
  ///
  /// - Parameters:
  ///   - tile: one row for each input, the base first; may be overwritten.
  ///   - scratch: ``scratchRows`` rows of the same length, of undefined content.
  ///   - position: where the tile lies in its tensor.
  ///   - survey: the completed survey.
  ///   - output: the elements to write, as many as each row has.
  func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: Survey, into output: inout MutableSpan<Double>
  )

  /// Merges consecutive tiles with rows as they are stored, to the same bits as one by one, widened
  /// and rounded.
  ///
  /// - Parameters:
  ///   - rows: one row for each input, the base first.
  ///   - position: where the first tile lies in its tensor, and the elements of all.
  ///   - survey: the completed survey.
  ///   - output: the bits of the elements to write.
  ///   - start: the place in the output of the first of them.
  /// - Returns: whether it was done; if not, what was written is undefined. Tiles with NaN or
  ///   infinities, or with results that are, are never done. `false` when not said otherwise.
  func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool
}

extension MergeMethod {
  /// None: the result is computed.
  public var copiedInput: Int? { nil }

  /// Elements.
  public var grain: TileGrain { .elements }

  /// No scratch rows.
  public var scratchRows: Int { 0 }

  /// A few numbers at most.
  public var surveyByteCount: Int { 0 }

  /// A few numbers at most.
  public var surveyHeldByteCount: Int { 0 }

  /// The method's own tensor.
  public var surveyScope: SurveyScope { .tensor }

  /// Not done.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into partial: inout Survey.Partial
  ) -> Bool { false }

  /// Not done.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: Survey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool { false }
}

extension MergeMethod where Survey == NoSurvey {
  /// The survey that is complete from the start.
  public static func makeSurvey(_ groups: [Self]) -> NoSurvey { NoSurvey() }

  /// Never called: there is nothing to survey.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: NoSurvey, into partial: inout NoSurvey.Partial
  ) {}
}

/// Where a tensor may be cut into tiles.
public enum TileGrain: Sendable, Hashable {
  /// Anywhere.
  case elements
  /// Between vectors along the last axis only.
  case rows
  /// Between slabs: all elements with the same indices on the axes before this one.
  ///
  /// `slabs(from: 1)` keeps the matrices of a three-dimensional tensor whole; the last axis gives
  /// rows, axis 0 the whole tensor.
  case slabs(from: Int)
  /// Nowhere: the tensor is one tile.
  case tensor
}

/// What one survey covers.
public enum SurveyScope: Sendable, Hashable {
  /// Each tensor by itself.
  case tensor
  /// All tensors that the recipe merges.
  case model
}

/// Where a tile lies.
public struct TilePosition: Sendable, Hashable {
  /// The place of the group among those that the survey covers; 0 for a survey of one tensor.
  public let group: Int
  /// The number of the tile in its tensor, from 0.
  public let tile: Int
  /// The elements of the tensor that the tile holds, in row-major order.
  public let elements: Range<Int>

  /// Makes a position.
  public init(group: Int, tile: Int, elements: Range<Int>) {
    self.group = group
    self.tile = tile
    self.elements = elements
  }
}

/// Facts about whole tensors, folded over tiles in one or more passes.
public protocol TensorSurvey: Sendable {
  /// What a run of tiles contributes to one pass.
  associatedtype Partial: Sendable

  /// Whether no (further) pass is needed.
  var isComplete: Bool { get }

  /// What the next pass has to look at; everything when not said otherwise.
  var coverage: PassCoverage { get }

  /// The contribution of a run of tiles of which none has been seen.
  func makePartial() -> Partial

  /// Takes up the contribution of a run of tiles.
  ///
  /// Called in the order of tiles, whatever the order in which they were computed, so sums of
  /// floating-point numbers come out the same on any number of threads.
  ///
  /// - Parameter partial: what the run contributes.
  mutating func add(_ partial: Partial)

  /// Ends a pass over all tiles.
  mutating func finishPass()
}

extension TensorSurvey {
  /// Everything.
  public var coverage: PassCoverage { .everything }
}

/// What a pass of a survey looks at.
public enum PassCoverage: Sendable, Hashable {
  /// All elements.
  case everything
  /// Some thousand elements from all over each tensor, the same on every run. They come in pieces
  /// that are much shorter than tiles and not cut where the method's grain forbids it.
  case sample
  /// Some tiles, at least one and none of them twice.
  case tiles([TileRun])
}

/// Consecutive tiles of one tensor.
public struct TileRun: Sendable, Hashable {
  /// The place of the group among those that the survey covers.
  public let group: Int
  /// The numbers of the tiles in their tensor; those that it does not have are left out.
  public let tiles: Range<Int>

  /// Makes a run.
  public init(group: Int, tiles: Range<Int>) {
    self.group = group
    self.tiles = tiles
  }
}

/// The survey of a method that needs no facts about whole tensors.
public struct NoSurvey: TensorSurvey {
  /// Nothing.
  public struct Partial: Sendable {}

  /// `true`: there is nothing to find out.
  public var isComplete: Bool { true }

  /// Nothing.
  public func makePartial() -> Partial { Partial() }

  /// Takes up nothing.
  public mutating func add(_ partial: Partial) {}

  /// Ends nothing.
  public mutating func finishPass() {}
}

/// Parameters that cannot be used together, found when a merge is planned.
public struct MethodFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong: lower case, no full stop, without the tensor's name.
  public let message: String
  /// What to do about it.
  public let hint: String?

  /// Makes a fault.
  public init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  /// The message.
  public var description: String { message }
}
