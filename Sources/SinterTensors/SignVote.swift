/// Adds up changes of several models to a base where they agree on a sign.
///
/// For each element, with the changes dᵢ, each already multiplied by its factor:
/// ```
/// s   = sign of Σ dᵢ·voiceᵢ
/// mix = Σ dᵢ·weightᵢ   over the models with sign(dᵢ·voiceᵢ) = s
/// out = base + λ·mix / Σ shareᵢ of those models
/// ```
/// A change of NaN agrees with every sign, so that it cannot vanish. An element that nothing is
/// added to keeps its sign, even if it is zero.
public struct SignVote: Sendable, Hashable {
  /// What a model brings to the vote.
  public struct Voter: Sendable, Hashable, BitwiseCopyable {
    /// By what its changes are multiplied first.
    public var factor: Double
    /// How much they count in the vote on the sign.
    public var voice: Double
    /// How much they count in the sum.
    public var weight: Double
    /// What the model adds to the divisor where it agrees.
    public var share: Double

    /// Makes a voter.
    public init(factor: Double, voice: Double, weight: Double, share: Double) {
      self.factor = factor
      self.voice = voice
      self.weight = weight
      self.share = share
    }
  }

  /// Whether a sum of zero elects the positive sign; otherwise it elects none.
  public var zeroIsPositive: Bool
  /// λ.
  public var lambda: Double
  /// Whether the sum is divided by the shares of those that agree.
  public var divides: Bool
  /// What the magnitude of a divisor must exceed, or it does not divide; at least 0.
  public var leastDivisor: Double

  /// Makes a vote.
  public init(zeroIsPositive: Bool, lambda: Double, divides: Bool, leastDivisor: Double) {
    self.zeroIsPositive = zeroIsPositive
    self.lambda = lambda
    self.divides = divides
    self.leastDivisor = leastDivisor
  }

  /// Counts the votes and merges.
  ///
  /// - Parameters:
  ///   - rows: a row for each model.
  ///   - thinned: what of them are its changes.
  ///   - voters: as many.
  ///   - base: as many elements as each row has.
  ///   - out: receives as many.
  public func merge(
    _ rows: borrowing TileRows, _ thinned: ThinnedRows, _ voters: Span<Voter>,
    on base: Span<Double>, into out: inout MutableSpan<Double>
  ) {
    Kernels.mergeByVote(rows, thinned, voters, self, on: base, into: &out)
  }

  /// Counts the votes of rows as they are stored, merges, and rounds once: nearest, ties to even.
  ///
  /// - Parameters:
  ///   - rows: the base, and a row for each model.
  ///   - thinned: what of them are its changes; not ``ThinnedRows/subtracted``.
  ///   - voters: one for each model.
  ///   - out: receives the bits of as many elements of BF16 as each row has.
  ///   - start: the place in `out` of the first of them.
  /// - Returns: `false` when a number or a result is NaN or infinite; the elements are undefined then,
  ///   and the rows are to be widened.
  public func merge(
    _ rows: borrowing StoredRows, _ thinned: ThinnedRows, _ voters: Span<Voter>,
    into out: inout MutableSpan<UInt16>, from start: Int = 0
  ) -> Bool {
    Kernels.mergeByVote(rows, thinned, voters, self, into: &out, from: start)
  }
}
