public import SinterTensors

/// How a tensor is cut into tiles.
///
/// The cut depends on the tensor and on the method's grain only, never on threads or memory:
/// sums are kept per run of tiles and added in tile order, so the cut decides the last bits.
public struct TileGrid: Sendable, Hashable {
  /// The number of elements of a tile where nothing forces another size.
  ///
  /// Half a megabyte for each input.
  public static let standardTileLength = 65_536

  /// The number of elements of the tensor.
  public let elementCount: Int
  /// The number of elements of each tile but the last.
  public let tileLength: Int

  /// Cuts a tensor.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - grain: where it may be cut.
  public init(shape: Shape, grain: TileGrain) {
    elementCount = shape.elementCount
    switch grain {
    case .elements:
      tileLength = Self.standardTileLength
    case .rows:
      tileLength = Self.length(ofWhole: shape.dimensions.suffix(1))
    case .slabs(let axis):
      tileLength = Self.length(ofWhole: shape.dimensions.dropFirst(axis))
    case .tensor:
      tileLength = max(elementCount, 1)
    }
  }

  /// The length of tiles that hold whole pieces of the given extents, as many as fit in a standard
  /// tile and at least one.
  private static func length(ofWhole extents: ArraySlice<Int>) -> Int {
    let piece = max(extents.reduce(1, *), 1)
    return max(standardTileLength / piece, 1) * piece
  }

  /// The number of tiles; none for an empty tensor.
  public var count: Int { (elementCount + tileLength - 1) / tileLength }

  /// The elements of a tile.
  ///
  /// - Parameter tile: the number of the tile, `0..<count`.
  public subscript(tile: Int) -> Range<Int> {
    tile * tileLength..<min((tile + 1) * tileLength, elementCount)
  }

  /// The number of elements of the largest tile.
  public var largestTile: Int { min(tileLength, elementCount) }
}
