import Safetensors
import SinterTensors

/// A part of a stored factor: some experts, all of the rank, and some inputs or outputs.
struct FactorPart {
  /// An axis of a factor.
  enum Axis: Hashable {
    /// The expert.
    case expert
    /// The place in the rank.
    case rank
    /// The input, of A, or the output, of B.
    case side
  }

  private let tensor: CheckpointTensor
  /// The axes in the order of the file, how long they are, and what is meant of them.
  private let axes: [(axis: Axis, length: Int, range: Range<Int>)]

  private init(
    _ tensor: CheckpointTensor, _ lengths: [(Axis, Int)], _ experts: Range<Int>,
    _ side: Range<Int>
  ) {
    self.tensor = tensor
    axes = lengths.map { axis, length in
      switch axis {
      case .expert: (axis, length, experts)
      case .rank: (axis, length, 0..<length)
      case .side: (axis, length, side)
      }
    }
  }

  /// A part of factor A.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - experts: the experts; `0..<1` for a module without.
  ///   - inputs: the inputs.
  /// - Returns: the part.
  static func ofA(
    _ module: AdapterModule, _ experts: Range<Int>, _ inputs: Range<Int>
  ) -> FactorPart {
    let (expert, rank) = ((Axis.expert, module.experts), (Axis.rank, module.rank))
    let side = (Axis.side, module.inputs)
    return FactorPart(
      module.a, module.isTurned ? [side, rank] : [expert, rank, side], experts, inputs)
  }

  /// A part of factor B.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - experts: the experts; `0..<1` for a module without.
  ///   - outputs: the outputs.
  /// - Returns: the part.
  static func ofB(
    _ module: AdapterModule, _ experts: Range<Int>, _ outputs: Range<Int>
  ) -> FactorPart {
    let (expert, rank) = ((Axis.expert, module.experts), (Axis.rank, module.rank))
    let side = (Axis.side, module.outputs)
    if module.isTurned { return FactorPart(module.b, [rank, side], experts, outputs) }
    // Of the parameter of several experts the columns of these alternate.
    return FactorPart(
      module.b, module.alternates ? [side, rank, expert] : [expert, side, rank], experts, outputs)
  }

  // MARK: - Reading

  /// The bytes that are read.
  var readByteCount: Int { hull.count * tensor.dtype.bitWidth / 8 }

  /// The elements of the file from the first of the part to the last.
  private var hull: Range<Int> {
    let strides = Self.strides(axes.map(\.length))
    let first = zip(axes, strides).reduce(0) { $0 + $1.0.range.lowerBound * $1.1 }
    let last = zip(axes, strides).reduce(0) { $0 + ($1.0.range.upperBound - 1) * $1.1 }
    return first..<last + 1
  }

  /// How far neighbours on each axis are from each other, in row-major order.
  private static func strides(_ lengths: [Int]) -> [Int] {
    lengths.indices.map { lengths[($0 + 1)...].reduce(1, *) }
  }

  /// Reads the part.
  ///
  /// - Parameters:
  ///   - order: the axes in the order in which they are wanted, the outermost first.
  ///   - file: the adapter's file.
  ///   - type: what the numbers become, by rounding if need be.
  /// - Returns: the numbers.
  /// - Throws: `SafetensorsError` when the file cannot be read.
  func numbers<Number: BinaryFloatingPoint>(
    _ order: [Axis], from file: InputFile, as type: Number.Type
  ) throws(SafetensorsError) -> [Number] {
    let source = StoredTensor(file: file, tensor: tensor)
    let wanted = order.compactMap { axis in axes.first { $0.axis == axis && $0.length > 1 } }
    let stored = axes.filter { $0.length > 1 }
    // What lies in the file as it is wanted needs no sorting.
    let isInOrder = wanted.map(\.axis) == stored.map(\.axis)
    if isInOrder, stored.dropFirst().allSatisfy({ $0.range.count == $0.length }) {
      return try source.numbers(hull, as: type)
    }
    let steps = Self.strides(wanted.map(\.range.count))
    let walk = Walk(
      axes: stored.map { axis in
        let place = wanted.firstIndex { $0.axis == axis.axis }
        return Walk.Axis(
          length: axis.length, range: axis.range, step: place.map { steps[$0] } ?? 0)
      })
    var numbers = [Number](
      repeating: 0, count: wanted.reduce(1) { $0 * $1.range.count })
    try source.forEachPiece(in: hull) { elements, row in
      walk.scatter(row.span, elements, to: &numbers)
    }
    return numbers
  }

  /// How elements of a file find their places: a walk over three axes.
  private struct Walk {
    struct Axis {
      let length: Int
      let range: Range<Int>
      /// How far neighbours are from each other where they go.
      let step: Int
    }

    private let outer: Axis
    private let middle: Axis
    private let inner: Axis

    /// Makes a walk over at most three axes, the outermost first.
    init(axes: [Axis]) {
      let none = Axis(length: 1, range: 0..<1, step: 0)
      let all = [Axis](repeating: none, count: 3 - axes.count) + axes
      (outer, middle, inner) = (all[0], all[1], all[2])
    }

    /// Puts those of some elements that are meant where they go.
    func scatter<Number: BinaryFloatingPoint>(
      _ values: Span<Double>, _ elements: Range<Int>, to numbers: inout [Number]
    ) {
      var (line, start) = elements.lowerBound.quotientAndRemainder(dividingBy: inner.length)
      var first = elements.lowerBound
      while first < elements.upperBound {
        let stop = min(inner.length, start + elements.upperBound - first)
        let (a, b) = line.quotientAndRemainder(dividingBy: middle.length)
        if outer.range.contains(a), middle.range.contains(b) {
          let part = inner.range.clamped(to: start..<stop)
          var place =
            (a - outer.range.lowerBound) * outer.step + (b - middle.range.lowerBound) * middle.step
            + (part.lowerBound - inner.range.lowerBound) * inner.step
          for i in part {
            numbers[place] = Number(values[first - elements.lowerBound + i - start])
            place += inner.step
          }
        }
        first += stop - start
        (line, start) = (line + 1, 0)
      }
    }
  }
}
