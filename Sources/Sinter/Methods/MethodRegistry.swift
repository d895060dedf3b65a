/// The merge methods that a program knows, by name.
public struct MethodRegistry: Sendable {
  /// The methods, in the order in which they are listed.
  public private(set) var methods: [any MergeMethod.Type]

  /// Makes a registry.
  ///
  /// - Parameter methods: the methods, in the order in which they are listed.
  public init(_ methods: [any MergeMethod.Type]) {
    self.methods = methods
  }

  /// The methods that come with Sinter.
  public static let builtIn = MethodRegistry([
    Linear.self,
    SLERP.self,
    NuSLERP.self,
    MultiSLERP.self,
    Karcher.self,
    TaskArithmetic.self,
    TIES.self,
    DARELinear.self,
    DARETIES.self,
    Breadcrumbs.self,
    BreadcrumbsTIES.self,
    DELLALinear.self,
    DELLA.self,
    ModelStock.self,
    SCE.self,
    RAM.self,
    RAMPlus.self,
    NearSwap.self,
    ArceeFusion.self,
    Passthrough.self,
    FormulaMethod.self,
  ])

  /// What the methods say of themselves.
  public var declarations: [MethodDeclaration] { methods.map { $0.declaration } }

  /// The method of a name, or `nil`.
  public subscript(name: String) -> (any MergeMethod.Type)? {
    methods.first { $0.declaration.name == name }
  }

  /// Adds a method; one of the same name is replaced.
  ///
  /// - Parameter method: the method.
  public mutating func register(_ method: any MergeMethod.Type) {
    methods.removeAll { $0.declaration.name == method.declaration.name }
    methods.append(method)
  }
}
