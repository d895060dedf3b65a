import SinterTensors

/// A merge method that is the arithmetic of task vectors with settings of its own.
///
/// A conforming type makes its ``TaskVectorMerge`` and says what it is; the rest stands here.
protocol TaskVectorMethod: MergeMethod where Survey == TaskVectorSurvey {
  /// The arithmetic, with the settings of the method and the parameters of the group.
  var taskVectors: TaskVectorMerge { get }
}

extension TaskVectorMethod {
  /// Elements, or vectors along axis 1 where elements are dropped by their rank in them.
  public var grain: TileGrain { taskVectors.grain }

  /// The histograms of magnitudes.
  public var surveyByteCount: Int { taskVectors.surveyByteCount }

  /// What is remembered of the elements that are kept.
  public var surveyHeldByteCount: Int { taskVectors.surveyHeldByteCount }

  /// The whole model where a publication trims all of it at once, else the tensor.
  public var surveyScope: SurveyScope { taskVectors.surveyScope }

  /// A survey of what thinning out needs.
  public static func makeSurvey(_ groups: [Self]) -> TaskVectorSurvey {
    TaskVectorSurvey(groups.map(\.taskVectors))
  }

  /// Surveys one tile.
  public func survey(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into partial: inout TaskVectorSurvey.Partial
  ) {
    taskVectors.survey(&tile, at: position, survey, into: &partial)
  }

  /// Surveys one tile of rows as they are stored.
  public func survey(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: TaskVectorSurvey,
    into partial: inout TaskVectorSurvey.Partial
  ) -> Bool {
    taskVectors.survey(rows, at: position, survey, into: &partial)
  }

  /// Merges one tile.
  public func merge(
    _ tile: inout Tile<Double>, scratch: inout Tile<Double>, at position: TilePosition,
    _ survey: TaskVectorSurvey, into output: inout MutableSpan<Double>
  ) {
    taskVectors.merge(&tile, scratch: &scratch, at: position, survey, into: &output)
  }

  /// Merges tiles of rows as they are stored.
  public func merge(
    _ rows: borrowing StoredRows, at position: TilePosition, _ survey: TaskVectorSurvey,
    into output: inout MutableSpan<UInt16>, from start: Int
  ) -> Bool {
    taskVectors.merge(rows, at: position, survey, into: &output, from: start)
  }
}
