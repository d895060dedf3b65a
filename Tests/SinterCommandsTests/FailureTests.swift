import Safetensors
import Sinter
import Testing

@testable import SinterCommands

@Suite struct FailureTests {
  private struct Surprise: Error {}

  @Test(arguments: [
    (DiagnosticError.Kind.invalid, 65 as Int32), (.notFound, 66), (.output, 73),
    (.inputOutput, 74), (.interrupted, 130),
  ])
  func `each kind has its exit code`(kind: DiagnosticError.Kind, exitCode: Int32) {
    let error = DiagnosticError([Diagnostic(.error, "so")], kind: kind)
    #expect(Failure(error).exitCode == exitCode)
    #expect(Failure(error).diagnostics == error.diagnostics)
  }

  @Test func `an unexpected error is a fault of ours`() {
    let failure = Failure(Surprise())
    #expect(failure.exitCode == 70)
    #expect(
      failure.diagnostics.map(\.description) == [
        "error: Surprise()\nhint: this is a fault of Sinter: please report it, with the recipe "
          + "and this text"
      ])
  }

  @Test func `a file that is not there is not found, and a cancelled task interrupted`() throws {
    let error = #expect(throws: SafetensorsError.self) {
      try SafetensorsFile(path: "no-such-folder/model.safetensors")
    }
    #expect(Failure(try #require(error)).exitCode == 66)
    #expect(Failure(CancellationError()).exitCode == 130)
    #expect(Failure(UsageError(message: "so", hint: nil)).exitCode == 64)
  }

  @Test func `several errors are counted, warnings are not`() {
    let (error, warning) = (Diagnostic(.error, "so"), Diagnostic(.warning, "so"))
    #expect(Failure(DiagnosticError([error, warning])).countText == nil)
    #expect(Failure(DiagnosticError([error, warning, error])).countText == "2 errors")
  }
}
