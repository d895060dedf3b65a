public import SinterTensors

/// How an adapter is extracted from the difference of two models.
public struct ExtractionOptions: Sendable {
  /// The largest rank, at least 1; `nil` for no limit but that of ``energy``.
  public var rank: Int?
  /// The share of the square of each matrix's difference that its factors are to keep, 0...1; `nil`
  /// to take ``rank`` for all.
  public var energy: Double?
  /// Regular expressions, searched in the names of modules: those in which none is found are left
  /// out. Empty for all.
  public var included: [String] = []
  /// Regular expressions: modules in whose names one is found are left out.
  public var excluded: [String] = []
  /// Regular expressions: modules in whose names one is found are stored whole.
  public var savedWhole: [String] = []
  /// The element type of the factors: F32, BF16 or F16.
  public var dtype = DType.float32
  /// The key of the random signs of the range finder.
  public var seed: UInt64 = 0
  /// The largest number of threads, at least 1; does not change the result.
  public var threads = 1
  /// The ceiling of working memory in bytes; does not change the result.
  public var memory = 512 << 20
  /// Whether an existing output is replaced.
  public var overwrites = false

  /// Makes options.
  ///
  /// - Parameters:
  ///   - rank: the largest rank, at least 1.
  ///   - energy: the share that factors are to keep, 0...1; one of the two must be given.
  public init(rank: Int?, energy: Double? = nil) {
    precondition(rank != nil || energy != nil, "either a rank or an energy decides")
    precondition(rank ?? 1 >= 1, "a rank is at least 1")
    precondition((0...1).contains(energy ?? 1), "an energy lies in 0...1")
    self.rank = rank
    self.energy = energy
  }
}

/// Regular expressions that names are searched for.
struct NamePatterns: Sendable {
  private let patterns: [String]

  /// Checks that all are regular expressions.
  ///
  /// - Parameters:
  ///   - patterns: the expressions.
  ///   - option: the option that they were given to, for messages.
  /// - Throws: ``DiagnosticError`` with those that are not.
  init(_ patterns: [String], option: String) throws(DiagnosticError) {
    let faults = patterns.filter { (try? Regex($0)) == nil }
    guard faults.isEmpty else {
      throw DiagnosticError(
        faults.map { Diagnostic(.error, "\(option): '\($0)' is not a regular expression") })
    }
    self.patterns = patterns
  }

  var isEmpty: Bool { patterns.isEmpty }

  /// Which of some names have one of the expressions in them.
  func matches(in names: [String]) -> Set<String> {
    var found = Set<String>()
    for pattern in patterns {
      guard let expression = try? Regex(pattern) else { continue }
      found.formUnion(names.filter { $0.contains(expression) })
    }
    return found
  }
}
