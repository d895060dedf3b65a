public import SinterTensors

/// How a tensor is cut into tiles.
///
/// The cut depends on the tensor and on the method's grain only, never on threads or memory:
/// partial sums are kept per tile and added in tile order, so the cut decides the last bits.
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
      let row = max(shape.dimensions.last ?? 1, 1)
      tileLength = max(Self.standardTileLength / row, 1) * row
    case .tensor:
      tileLength = max(elementCount, 1)
    }
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
