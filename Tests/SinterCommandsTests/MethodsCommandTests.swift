import Foundation
import Sinter
import Testing

@Suite struct MethodsCommandTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
  }

  @Test func `all methods have a line`() async throws {
    let run = try await workspace.run("methods")
    #expect(run.exitCode == 0)
    #expect(run.stderr.isEmpty)
    try Snapshot.expect(run.stdout, equals: "methods")
  }

  @Test func `one method is explained`() async throws {
    let run = try await workspace.run("methods", "ties")
    #expect(run.exitCode == 0)
    try Snapshot.expect(run.stdout, equals: "methods-ties")
  }

  @Test(arguments: MethodRegistry.builtIn.declarations.map(\.name))
  func `each method is explained with its example`(name: String) async throws {
    let run = try await workspace.run("methods", name)
    #expect(run.exitCode == 0)
    #expect(run.stdout.hasPrefix("\(name): "))
    #expect(run.stdout.contains("\n  merge_method: \(name)\n"))
  }

  @Test func `an unknown method is wrong usage`() async throws {
    let run = try await workspace.run("methods", "tie")
    #expect(run.exitCode == 64)
    #expect(run.stdout.isEmpty)
    #expect(run.stderr == "error: unknown method 'tie'\nhint: did you mean 'ties'?\n")
  }

  @Test func `programs get every declaration`() async throws {
    let document = try jsonObject(try await workspace.run("methods", "--json").stdout)
    #expect(document["schema"] as? String == "sinter/methods")
    #expect(document["schema_version"] as? Int == 1)
    let methods = try #require(document["methods"] as? [[String: Any]])
    #expect(
      methods.map { $0["name"] as? String } == MethodRegistry.builtIn.declarations.map(\.name))
    let one = try jsonObject(try await workspace.run("methods", "ties", "--json").stdout)
    let ties = try #require((one["methods"] as? [[String: Any]])?.first)
    let parameters = try #require(ties["parameters"] as? [[String: Any]])
    #expect(parameters[0]["name"] as? String == "weight")
    #expect(parameters[0]["is_required"] as? Bool == true)
    #expect(parameters[1]["maximum"] as? Double == 1)
    #expect(parameters[1]["default"] as? Double == 1)
  }
}
