import Safetensors
import SinterTensors

/// Opens checkpoints: finds the weight files, reads their headers, and holds them against the
/// index.
public enum CheckpointReader {
  /// Opens a checkpoint.
  ///
  /// - Parameter path: a folder with `model.safetensors`, with shards and their index, or with one
  ///   safetensors file of any name; or the path of such a file.
  /// - Returns: the checkpoint.
  /// - Throws: ``DiagnosticError`` with every fault that was found in headers, index and
  ///   configuration.
  public static func open(_ path: String) throws(DiagnosticError) -> Checkpoint {
    guard Folder(path).exists else {
      return try assemble(
        path, fileNames: [path], index: nil, configuration: nil, sideFiles: [], remarks: [])
    }
    let entries = try attempting { () throws(SafetensorsError) in try Folder(path).entries() }
    let names = entries.filter { $0.kind == .file }.map(\.name)
    let (fileNames, index, remarks) = try weightFiles(in: path, names: names)
    let sideFiles = SideFileSelection(entries, in: path)
    return try assemble(
      path, fileNames: fileNames.map { PathText.join(path, $0) }, index: index,
      configuration: configuration(in: path, names: names),
      sideFiles: sideFiles.files, remarks: remarks + sideFiles.remarks)
  }

  private static func configuration(
    in folder: String, names: [String]
  ) throws(DiagnosticError) -> ModelConfiguration? {
    guard names.contains("config.json") else { return nil }
    let path = PathText.join(folder, "config.json")
    let bytes = try attempting { () throws(SafetensorsError) in
      try FileItem.read(path, limit: SideFileSelection.largestFile)
    }
    return try ModelConfiguration(bytes, file: path)
  }

  /// The names of the weight files, and the index when there is one.
  private static func weightFiles(
    in folder: String, names: [String]
  ) throws(DiagnosticError) -> (files: [String], index: ShardIndex?, remarks: [Diagnostic]) {
    let files = names.filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix("adapter_") }
    let indexes = names.filter { $0.hasSuffix(".safetensors.index.json") }
    // Beside the standard files there may be others of a variant, such as `model.fp16.…`.
    let index =
      indexes.contains(standardIndex)
      ? standardIndex
      : files.contains(standardFile) || indexes.count > 1 ? nil : indexes.first
    if let index {
      let file = PathText.join(folder, index)
      let parsed = try attempting { () throws(SafetensorsError) in
        try ShardIndex(parsing: FileItem.read(file, limit: indexLimit), path: file)
      }
      return (
        parsed.files, parsed, unread(files, but: parsed.files, "the index does not name", file)
      )
    }
    if files.contains(standardFile) {
      return (
        [standardFile], nil,
        unread(files, but: [standardFile], "is no part of '\(standardFile)'", folder)
      )
    }
    if files.count == 1 { return (files, nil, []) }
    throw DiagnosticError([noWeights(in: folder, names: names, files: files)])
  }

  /// Says which safetensors files of a folder are not read.
  private static func unread(
    _ files: [String], but read: [String], _ reason: String, _ file: String
  ) -> [Diagnostic] {
    let read = Set(read)
    let others = files.filter { !read.contains($0) }
    guard let first = others.first else { return [] }
    let rest = others.count > 1 ? " and \(others.count - 1) more" : ""
    return [
      Diagnostic(
        .warning, file: file,
        "the folder also holds '\(first)'\(rest), which \(reason); not read")
    ]
  }

  /// Says why a folder is no checkpoint that can be merged.
  private static func noWeights(
    in folder: String, names: [String], files: [String]
  ) -> Diagnostic {
    if files.count > 1 {
      return Diagnostic(
        file: folder,
        "\(files.count) safetensors files, but no index that says which of them are the model",
        hint: "name one of the files, or add '\(standardIndex)'")
    }
    if names.contains("adapter_config.json") {
      return Diagnostic(
        file: folder, "this is a LoRA adapter, not a model",
        hint: "name its base with it: 'BASE+\(PathText.lastComponent(folder))'")
    }
    if let pickle = names.first(where: { $0.hasSuffix(".bin") || $0.hasSuffix(".pth") }) {
      return Diagnostic(
        file: folder, "the weights are a PyTorch pickle ('\(pickle)'), which is not supported yet",
        hint: "save the model as safetensors")
    }
    if let gguf = names.first(where: { $0.hasSuffix(".gguf") }) {
      return Diagnostic(
        file: folder, "the weights are in GGUF ('\(gguf)'), which is not supported",
        hint: "use the safetensors release of the model")
    }
    return Diagnostic(
      file: folder, "no weights found: neither '\(standardFile)' nor '\(standardIndex)'",
      hint: "name the folder that holds the safetensors files")
  }

  /// Opens the files, all of them, and joins what is wrong with any.
  private static func assemble(
    _ path: String, fileNames: [String], index: ShardIndex?, configuration: ModelConfiguration?,
    sideFiles: [SideFile], remarks: [Diagnostic]
  ) throws(DiagnosticError) -> Checkpoint {
    var files: [SafetensorsFile] = []
    var faults: [DiagnosticError] = []
    for fileName in fileNames {
      do throws(DiagnosticError) {
        let file = try attempting { () throws(SafetensorsError) in
          try SafetensorsFile(path: fileName)
        }
        // A merge goes through it once or twice, and it is larger than all else that is cached.
        file.input.adviseSingleUse()
        files.append(file)
      } catch {
        faults.append(error)
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    var remarks = remarks
    let tensors = try tensors(of: files, in: path, index: index, &remarks)
    guard !tensors.isEmpty else {
      throw DiagnosticError([
        Diagnostic(file: path, "the checkpoint holds no tensor", hint: "download it again")
      ])
    }
    return try Checkpoint(
      path: path, files: files, tensors: tensors, configuration: configuration,
      sideFiles: sideFiles, remarks: remarks)
  }

  /// The tensors of the files, held against the index.
  private static func tensors(
    of files: [SafetensorsFile], in folder: String, index: ShardIndex?,
    _ remarks: inout [Diagnostic]
  ) throws(DiagnosticError) -> [CheckpointTensor] {
    var tensors: [CheckpointTensor] = []
    tensors.reserveCapacity(files.reduce(0) { $0 + $1.tensors.count })
    let names = index?.files ?? []
    for (place, file) in files.enumerated() {
      let before = tensors.count
      for tensor in file.tensors {
        if let index, index[tensor.name] != names[place] { continue }
        tensors.append(
          CheckpointTensor(tensor, file: place, dataStart: file.header.dataStart))
      }
      let stray = file.tensors.count - (tensors.count - before)
      if stray > 0 {
        let what = stray == 1 ? "1 tensor is" : "\(stray) tensors are"
        remarks.append(
          Diagnostic(.warning, file: file.path, "\(what) not read: the index does not name them"))
      }
    }
    if let index, index.entries.count > tensors.count {
      throw DiagnosticError(missing(of: index, in: files, of: folder))
    }
    return tensors
  }

  /// Says which tensors the files lack, though the index names them.
  private static func missing(
    of index: ShardIndex, in files: [SafetensorsFile], of folder: String
  ) -> [Diagnostic] {
    files.flatMap { file in
      index.entries.filter {
        PathText.join(folder, $0.file) == file.path && file.tensor(named: $0.tensor) == nil
      }.map(\.tensor).sorted().map { name in
        Diagnostic(
          file: file.path, "tensor '\(name)' is missing, though the index names it",
          hint: "download the checkpoint again")
      }
    }
  }

  private static let standardFile = "model.safetensors"
  private static let standardIndex = "model.safetensors.index.json"
  private static let indexLimit = 256 << 20

  /// Runs a file operation and turns its error into a diagnostic.
  private static func attempting<Value>(
    _ operation: () throws(SafetensorsError) -> Value
  ) throws(DiagnosticError) -> Value {
    do throws(SafetensorsError) {
      return try operation()
    } catch {
      throw DiagnosticError(error)
    }
  }
}

extension CheckpointTensor {
  /// A tensor of one file of a checkpoint.
  init(_ descriptor: TensorDescriptor, file: Int, dataStart: Int) {
    self.init(
      name: descriptor.name, dtype: descriptor.dtype, shape: descriptor.shape, file: file,
      bytes: dataStart + descriptor.dataOffsets.lowerBound..<dataStart
        + descriptor.dataOffsets.upperBound)
  }
}
