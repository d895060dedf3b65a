import Safetensors

/// The files of a model's folder that go with the model and not with its weights: tokenizer,
/// generation settings, chat template, code and the like.
struct SideFileSelection {
  /// The files, by name.
  let files: [SideFile]
  /// What is left out and would be missed.
  let remarks: [Diagnostic]

  /// The largest file that counts as small, in bytes.
  static let largestFile = 64 << 20

  /// Chooses from what is in a folder.
  ///
  /// A link that leads out of the folder is not followed: it could bring any file of this machine
  /// into the output. The hub's cache, whose folders hold links to `blobs` beside them, is known.
  ///
  /// - Parameters:
  ///   - entries: what is in the folder.
  ///   - folder: the path of the folder.
  init(_ entries: [Folder.Entry], in folder: String) {
    let root = FileItem.realPath(of: folder)
    let blobs = PathText.join(PathText.parent(PathText.parent(root)), "blobs")
    var files: [SideFile] = []
    var remarks: [Diagnostic] = []
    for entry in entries where Self.goesWithModel(entry) {
      let path = PathText.join(folder, entry.name)
      let target = FileItem.realPath(of: path)
      if [root, blobs].contains(where: { target.hasPrefix($0 + "/") }) {
        files.append(SideFile(name: entry.name, byteCount: entry.byteCount))
      } else {
        remarks.append(
          Diagnostic(
            .warning, file: path, "the link leads out of the model's folder; it is not copied",
            hint: "put the file itself there"))
      }
    }
    self.files = files
    self.remarks = remarks
  }

  private static func goesWithModel(_ entry: Folder.Entry) -> Bool {
    guard entry.kind == .file, entry.byteCount <= largestFile, !entry.name.hasPrefix(".") else {
      return false
    }
    let name = entry.name
    if weightEndings.contains(where: { name.hasSuffix($0) }) { return false }
    if name.lowercased().hasPrefix("readme") || ownFiles.contains(name) { return false }
    return name != "config.json"
  }

  private static let weightEndings = [
    ".safetensors", ".index.json", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack",
    ".onnx", ".onnx_data", ".npz", ".ot", ".pkl", ".partial",
  ]

  /// What a merge writes about itself, which would be untrue of another, and what would have the
  /// output taken for an adapter.
  private static let ownFiles: Set<String> = [
    "sinter_manifest.json", "sinter_recipe.yml", "mergekit_config.yml", "adapter_config.json",
  ]
}
