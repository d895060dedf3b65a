import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AlternatingColumnsTests {
  /// The naive interleaving: column k of matrix e becomes column k · count + e.
  private func reference(_ matrices: [[Double]], rows: Int, columns: Int) -> [Double] {
    (0..<rows).flatMap { row in
      (0..<columns).flatMap { column in
        matrices.map { matrix in
          let own = matrix.count / rows
          return column < own ? matrix[row * own + column] : 0
        }
      }
    }
  }

  /// More rows than a block of bytes holds, matrices of fewer columns, and one that is empty.
  @Test(arguments: [(1, 1, [1]), (3, 2, [2, 2]), (5, 3, [3, 0, 1, 2]), (70_001, 2, [2, 1, 2])])
  func `columns of several matrices alternate`(rows: Int, columns: Int, widths: [Int]) throws {
    let folder = try TemporaryFolder()
    for dtype in [DType.float32, .bfloat16] {
      let writer = try AdapterWriter(
        path: folder.appending(dtype.rawValue), overwrites: false, inputPaths: [], byteCount: 1000)
      let matrices = widths.enumerated().map { place, width in
        (0..<rows * width).map { Double(($0 * 7 + place * 31) % 127) }
      }
      let pieces = try matrices.map { try writer.store($0, as: dtype) }
      _ = try writer.finish(
        [
          AdapterWriter.Tensor(
            "b", dtype, [rows, columns * widths.count],
            .alternating(pieces, rows: rows, columns: columns))
        ], files: [])
      let tensors = try TestTensor.read(
        folder.appending("\(dtype.rawValue)/adapter_model.safetensors"))
      #expect(tensors[0].values == reference(matrices, rows: rows, columns: columns))
    }
  }
}
