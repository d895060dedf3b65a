/// The two types of number that tiles and matrices hold.
///
/// Merges are computed in `Double`, whatever the types of their inputs. `Float` halves the memory of
/// large matrices where sums are taken in `Double` all the same. No other type may conform.
public protocol WorkingFloat: BinaryFloatingPoint, Sendable, BitwiseCopyable {}

extension Float: WorkingFloat {}
extension Double: WorkingFloat {}
