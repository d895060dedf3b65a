/// The two precisions that a merge computes in: `Float` and `Double`.
///
/// `Float` serves tensors of 16 bits and less, whose results are rounded to at most 11 significant
/// bits in the end; `Double` serves everything wider. No other type may conform.
///
/// Generic code over this protocol that runs per element carries `@specialized(where T == Float)`
/// and `@specialized(where T == Double)`: without them each operation is a call through a table.
public protocol WorkingFloat: BinaryFloatingPoint, Sendable, BitwiseCopyable {}

extension Float: WorkingFloat {}
extension Double: WorkingFloat {}
