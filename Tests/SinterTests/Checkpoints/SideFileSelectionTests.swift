import Foundation
import Safetensors
import SinterTensors
import Testing

@testable import Sinter

@Suite struct SideFileSelectionTests {
  @Test func `links out of the folder are not followed, those of the hub's cache are`() throws {
    let temporary = try TemporaryFolder()
    try temporary.write("secret", to: "elsewhere/secret.txt")
    try temporary.write("blob", to: "models--a--b/blobs/1234")
    try temporary.write("{}", to: "models--a--b/snapshots/abcd/generation_config.json")
    let folder = temporary.appending("models--a--b/snapshots/abcd")
    for (name, target) in [
      ("tokenizer.json", "../../blobs/1234"), ("stolen.json", "../../../elsewhere/secret.txt"),
      ("inside.json", "generation_config.json"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/" + name, withDestinationPath: target)
    }
    let selection = SideFileSelection(try Folder(folder).entries(), in: folder)
    #expect(
      selection.files.map(\.name) == ["generation_config.json", "inside.json", "tokenizer.json"])
    #expect(
      selection.remarks.map(\.description) == [
        "\(folder)/stolen.json: warning: the link leads out of the model's folder; it is not copied\n"
          + "hint: put the file itself there"
      ])
  }

  @Test func `a checkpoint without a tensor is refused`() throws {
    let temporary = try TemporaryFolder()
    try TestTensor.write([], to: temporary.appending("model.safetensors"))
    let error = #expect(throws: DiagnosticError.self) {
      try CheckpointReader.open(temporary.path)
    }
    #expect(
      error?.description
        == "\(temporary.path): error: the checkpoint holds no tensor\nhint: download it again")
  }
}
