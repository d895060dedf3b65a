public import SinterTensors

/// How a tensor is cut into tiles, and tiles are gathered into runs.
///
/// A tile is what arithmetic is done on at once: so small that the rows of a group stay in the
/// caches of a core. A run is what is read at once: so long that calls of the system cost nothing
/// beside the bytes that they move. Several runs are written at once, since writes to a file wait
/// for one another.
///
/// The cut depends on the tensor and on the method's grain only, never on threads or memory:
/// sums are kept per run of tiles and added in tile order, so the cut decides the last bits.
public struct TileGrid: Sendable, Hashable {
  /// The number of elements of a tile where nothing forces another size.
  ///
  /// 32 KiB for each input.
  public static let standardTileLength = 4096

  /// The number of elements of a run where nothing forces another size.
  ///
  /// 128 KiB of each input of 16 bits.
  static let standardRunLength = 65_536

  /// The number of elements that are written at once where nothing forces another size.
  ///
  /// 512 KiB of an output of 16 bits.
  static let standardWriteLength = 4 * standardRunLength

  /// How many runs of a source are fetched ahead at once: 4 MiB of one of 16 bits.
  static let runsAhead = 32

  /// The number of elements of the tensor.
  public let elementCount: Int
  /// The number of elements of each tile but the last.
  public let tileLength: Int
  /// The number of elements between which no cut is made; a divisor of the tile's length.
  private let grainLength: Int

  /// Cuts a tensor.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - grain: where it may be cut.
  public init(shape: Shape, grain: TileGrain) {
    elementCount = shape.elementCount
    switch grain {
    case .elements:
      grainLength = 1
    case .rows:
      grainLength = max(shape.dimensions.suffix(1).reduce(1, *), 1)
    case .slabs(let axis):
      grainLength = max(shape.dimensions.dropFirst(axis).reduce(1, *), 1)
    case .tensor:
      grainLength = max(elementCount, 1)
    }
    tileLength = max(Self.standardTileLength / grainLength, 1) * grainLength
  }

  /// The number of tiles; none for an empty tensor.
  public var count: Int { (elementCount + tileLength - 1) / tileLength }

  /// The elements of a tile.
  ///
  /// - Parameter tile: the number of the tile, `0..<count`.
  public subscript(tile: Int) -> Range<Int> {
    tile * tileLength..<min((tile + 1) * tileLength, elementCount)
  }

  /// The elements of consecutive tiles.
  ///
  /// - Parameter tiles: the numbers of the tiles, at least one.
  subscript(tiles: Range<Int>) -> Range<Int> {
    self[tiles.lowerBound].lowerBound..<self[tiles.upperBound - 1].upperBound
  }

  /// The number of elements of the largest tile.
  public var largestTile: Int { min(tileLength, elementCount) }

  /// The number of tiles of each run but the last.
  var tilesPerRun: Int { max(Self.standardRunLength / tileLength, 1) }

  /// The number of elements of the largest run.
  var largestRun: Int { min(tilesPerRun * tileLength, elementCount) }

  /// The number of tiles that are written at once, whole runs of them.
  var tilesPerWrite: Int {
    max(Self.standardWriteLength / (tilesPerRun * tileLength), 1) * tilesPerRun
  }

  /// The most elements that are written at once.
  var largestWrite: Int { min(tilesPerWrite * tileLength, elementCount) }

  /// Cuts consecutive tiles into runs.
  ///
  /// - Parameter tiles: the numbers of the tiles.
  /// - Returns: the runs, in order.
  func runs(of tiles: Range<Int>) -> some Sequence<Range<Int>> {
    stride(from: tiles.lowerBound, to: tiles.upperBound, by: tilesPerRun).lazy.map { first in
      first..<min(first + tilesPerRun, tiles.upperBound)
    }
  }

  /// Pieces that are spread over the whole tensor, in the order of their elements.
  ///
  /// They are short, since neighbours are alike, and begin at irregular places, since what repeats
  /// with a fixed distance (a column) would be seen always or never.
  var sample: some Sequence<Range<Int>> {
    let length = (Self.samplePieceLength + grainLength - 1) / grainLength * grainLength
    // More of large tensors, since the errors of their samples concern more elements.
    let wanted = min(max(elementCount / 256, Self.leastSample), Self.largestSample)
    let pieces = min(elementCount / length, max(wanted / length, 1))
    // In grains, so that no piece begins within one.
    let distance = pieces == 0 ? 0 : elementCount / grainLength / pieces
    let room = distance - length / grainLength + 1
    return (0..<pieces).lazy.map { piece in
      let start = (piece * distance + Self.scatter(piece) % room) * grainLength
      return start..<start + length
    }
  }

  private static let leastSample = 16_384
  private static let largestSample = 1 << 18
  private static let samplePieceLength = 64

  /// A number that looks random, not negative (the output function of SplitMix64).
  private static func scatter(_ piece: Int) -> Int {
    var bits = UInt64(truncatingIfNeeded: piece + 1) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((bits ^ (bits >> 31)) >> 1)
  }
}
