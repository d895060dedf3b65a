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
}
