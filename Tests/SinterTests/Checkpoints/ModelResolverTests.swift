import Testing

@testable import Sinter

@Suite struct ModelResolverTests {
  private func fault(_ path: String, in folder: TemporaryFolder) -> DiagnosticError? {
    do {
      _ = try LocalModelResolver(recipeFile: folder.appending("r.yml"))
        .resolve(ModelReference(path: path))
      return nil
    } catch {
      return error
    }
  }

  @Test func `relative paths are looked up from the recipe's folder`() throws {
    let folder = try TemporaryFolder()
    try folder.write("", to: "org/name/x")
    let resolver = LocalModelResolver(recipeFile: folder.appending("r.yml"))
    // It looks like a name on a hub and is a folder all the same.
    for path in ["org/name", "./org/name", "org/../org/name/"] {
      #expect(try resolver.resolve(ModelReference(path: path)) == folder.appending("org/name"))
    }
    let absolute = folder.appending("org/name")
    #expect(try resolver.resolve(ModelReference(path: absolute)) == absolute)
  }

  @Test func `a name of a hub that is no folder is not found`() throws {
    let folder = try TemporaryFolder()
    let error = try #require(fault("org/name", in: folder))
    #expect(error.kind == .notFound)
    #expect(
      error.description == """
        error: model 'org/name' does not exist; looked for 'org/name' and \
        '\(folder.appending("org/name"))'
        hint: models are not downloaded: fetch it first and name its folder
        """)
  }

  @Test(arguments: ["name", "./org/name", "/name", "name/", "a/b/c", "~/name", "../name"])
  func `other paths are no names of a hub`(path: String) throws {
    let error = try #require(fault(path, in: TemporaryFolder()))
    #expect(error.kind == .notFound)
    #expect(error.diagnostics.map(\.hint) == [nil])
  }

  @Test func `a plan says where the recipe names the model`() throws {
    let merge = try TestMerge()
    let faults = merge.faults(
      """
      merge_method: passthrough
      models:
        - model: org/name
      """)
    #expect(faults.count == 1)
    #expect(
      faults.first?.hasPrefix("recipe.yml:3:12: error: model 'org/name' does not exist; ") == true)
  }
}
