import ArgumentParser
import Safetensors
import Sinter

/// An adapter on the command line: `PATH` or `PATH:WEIGHT`.
struct AdapterArgument: ExpressibleByArgument, CustomStringConvertible {
  /// The folder.
  let path: String
  /// The factor on what the adapter does; `nil` when none was written.
  let weight: Double?

  /// Reads an argument. A path that ends with a colon and a number is taken for one with a weight,
  /// unless a folder has exactly that name.
  init(argument: String) {
    if let colon = argument.lastIndex(of: ":"), colon != argument.startIndex,
      let weight = Double(argument[argument.index(after: colon)...]), weight.isFinite,
      !FileItem.exists(at: argument)
    {
      path = String(argument[..<colon])
      self.weight = weight
    } else {
      path = argument
      weight = nil
    }
  }

  /// The argument as written.
  var description: String { path + (weight.map { ":\($0)" } ?? "") }
}
