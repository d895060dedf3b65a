/// Names of modules, taken apart.
enum ModuleName {
  /// The module of a tensor: its name without the last part; empty for a tensor of no module.
  static func owner(of tensor: String) -> String {
    tensor.lastIndex(of: ".").map { String(tensor[..<$0]) } ?? ""
  }

  /// The modules that a module is a part of, the nearest first.
  static func ancestors(of module: String) -> [String] {
    var found: [String] = []
    var rest = module[...]
    while let dot = rest.lastIndex(of: ".") {
      rest = rest[..<dot]
      found.append(String(rest))
    }
    return found
  }

  /// What a module or a tensor is called within the module that it belongs to.
  static func lastPart(of name: String) -> String {
    name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
  }
}
