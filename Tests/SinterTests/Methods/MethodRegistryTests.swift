import SinterTensors
import Testing

@testable import Sinter

@Suite struct MethodRegistryTests {
  @Test func `the methods are found by the names of recipes`() {
    let names = MethodRegistry.builtIn.declarations.map(\.name)
    #expect(
      names == [
        "linear", "slerp", "nuslerp", "multislerp", "karcher", "task_arithmetic", "ties",
        "dare_linear", "dare_ties", "breadcrumbs", "breadcrumbs_ties", "della_linear", "della",
        "model_stock", "sce", "ram", "ramplus_tl", "nearswap", "arcee_fusion", "passthrough",
        "formula",
      ])
    for name in names { #expect(MethodRegistry.builtIn[name]?.declaration.name == name) }
    #expect(MethodRegistry.builtIn["dare-ties"] == nil)
  }

  @Test func `a method that is registered again is replaced`() {
    var registry = MethodRegistry([Linear.self, SLERP.self])
    registry.register(TIES.self)
    registry.register(Linear.self)
    #expect(registry.declarations.map(\.name) == ["slerp", "ties", "linear"])
  }

  @Test func `every example is a recipe for its method`() throws {
    for declaration in MethodRegistry.builtIn.declarations {
      let recipe = try MergeRecipe.read(
        text: declaration.example, file: "example.yml",
        methods: MethodRegistry.builtIn.declarations)
      #expect(recipe.method.value == declaration.name)
      #expect(
        RecipeCheck.check(recipe, methods: MethodRegistry.builtIn.declarations).allSatisfy {
          $0.severity != .error
        })
    }
  }

  @Test(arguments: MethodRegistry.builtIn.declarations.map(\.name), [1, 1e-200])
  func `identical inputs give exactly that input back`(name: String, scale: Double) throws {
    // What a scale or a formula makes of an input is up to the recipe.
    guard !["passthrough", "formula"].contains(name) else { return }
    let method = try #require(MethodRegistry.builtIn[name])
    let declaration = method.declaration
    let count = declaration.models.contains(3) ? 3 : declaration.models.upperBound
    let hasBase = declaration.base == .required
    for dtype in [DType.float64, .float32, .bfloat16, .float16] {
      var values = MethodRun.values([25, 8], models: 0, dtypes: [dtype])[0].map { $0 * scale }
      values.replaceSubrange(3..<5, with: [0, -0.0])
      var run = MethodRun(
        shape: [25, 8], inputs: .init(repeating: values, count: count + (hasBase ? 1 : 0)),
        hasBase: hasBase)
      let own: [String: ParameterValue] = ["weight": .number(0.3), "density": .number(0.3)]
      run.models = .init(repeating: own, count: count)
      run.tensor = ["t": .number(0.3), "select_topk": .number(0.3)]
      let result = try run(any: method)
      #expect(result.map(\.bitPattern) == values.map(\.bitPattern), "\(name), \(dtype)")
    }
  }
}
