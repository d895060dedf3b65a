import Safetensors
import Sinter
import SinterTensors

/// What there is to say of a checkpoint, for people and for programs.
struct InspectionReport {
  private let checkpoint: Checkpoint
  private let summary: CheckpointSummary
  private let listsTensors: Bool

  /// Prepares a report.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - listsTensors: whether every tensor is listed.
  init(_ checkpoint: Checkpoint, listsTensors: Bool) {
    self.checkpoint = checkpoint
    self.listsTensors = listsTensors
    summary = CheckpointSummary(checkpoint)
  }

  /// Warnings and notes.
  var remarks: [Diagnostic] { summary.remarks }

  // MARK: Text

  /// The text, no line feed at the end.
  var text: String {
    var sections = [header, files, layers]
    sections.append(listsTensors ? allTensors : outsideLayers)
    sections += [sideFiles]
    sections.append(remarks.map { PrintableText($0.description, keepsLines: true).description })
    return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  private var header: [String] {
    var table = TextTable()
    let names = [summary.architecture, summary.modelType.map { "(\($0))" }].compactMap { $0 }
    if !names.isEmpty { table.add(["architecture", names.joined(separator: " ")]) }
    table.add([
      "parameters",
      "\(CountText(checkpoint.parameterCount)) in "
        + CountText.of(checkpoint.tensors.count, "tensor"),
    ])
    for (place, use) in summary.dtypes.enumerated() {
      table.add([
        place == 0 ? "dtypes" : "",
        "\(use.dtype.rawValue): \(CountText(use.elements)) in \(CountText.of(use.tensors, "tensor"))",
      ])
    }
    table.add(["output head", outputHead])
    return [PrintableText(checkpoint.path).description] + table.lines()
  }

  private var outputHead: String {
    switch (summary.outputHead.isEmpty, summary.tiesOutputHead) {
    case (false, true?):
      "tied to the embedding, and stored too: " + summary.outputHead.joined(separator: ", ")
    case (false, _): summary.outputHead.joined(separator: ", ")
    case (true, true?): "tied to the embedding"
    case (true, _): "none"
    }
  }

  private var files: [String] {
    var table = TextTable()
    for file in checkpoint.files {
      table.add([
        PathText.lastComponent(file.path), ByteCountText(file.header.fileByteCount).description,
      ])
    }
    return ["weight files"] + table.lines()
  }

  private var layers: [String] {
    guard !summary.stacks.isEmpty else { return [] }
    var table = TextTable()
    for stack in summary.stacks {
      let extra = stack.storedLayers - stack.layers
      table.add([
        stack.prefix + "*",
        CountText.of(stack.layers, "layer") + (extra > 0 ? " and \(extra) behind them" : ""),
        CountText.of(stack.tensors, "tensor"),
      ])
    }
    return ["layers"] + table.lines()
  }

  private var outsideLayers: [String] {
    guard !summary.tensorsOutsideLayers.isEmpty else { return [] }
    var table = TextTable()
    for tensor in summary.tensorsOutsideLayers {
      table.add([tensor.name, tensor.shape.description, tensor.dtype.rawValue])
    }
    return ["tensors outside layers"] + table.lines()
  }

  private var allTensors: [String] {
    var table = TextTable()
    for tensor in checkpoint.tensors {
      table.add([
        tensor.name, tensor.dtype.rawValue, tensor.shape.description,
        ByteCountText(tensor.byteCount).description, fileName(of: tensor),
      ])
    }
    return ["tensors"] + table.lines()
  }

  private var sideFiles: [String] {
    guard !checkpoint.sideFiles.isEmpty else { return [] }
    var table = TextTable()
    for file in checkpoint.sideFiles {
      table.add([file.name, ByteCountText(file.byteCount).description])
    }
    return ["side files"] + table.lines()
  }

  private func fileName(of tensor: CheckpointTensor) -> String {
    PathText.lastComponent(checkpoint.files[tensor.file].path)
  }

  // MARK: JSON

  /// The members of the document `sinter/inspect`, in order.
  var members: [(key: String, value: JSONText)] {
    let stacks = summary.stacks.map { stack -> JSONText in
      [
        "prefix": .string(stack.prefix), "layers": .number(stack.layers),
        "stored_layers": .number(stack.storedLayers), "tensors": .number(stack.tensors),
      ]
    }
    let dtypes = summary.dtypes.map { use -> JSONText in
      [
        "dtype": .string(use.dtype.rawValue), "tensors": .number(use.tensors),
        "elements": .number(use.elements),
      ]
    }
    let files = checkpoint.files.map { file -> JSONText in
      [
        "name": .string(PathText.lastComponent(file.path)),
        "byte_count": .number(file.header.fileByteCount),
      ]
    }
    let sideFiles = checkpoint.sideFiles.map { file -> JSONText in
      ["name": .string(file.name), "byte_count": .number(file.byteCount)]
    }
    return [
      ("path", .string(checkpoint.path)),
      ("architecture", JSONText(summary.architecture)),
      ("model_type", JSONText(summary.modelType)),
      ("parameter_count", .number(checkpoint.parameterCount)),
      ("tensor_count", .number(checkpoint.tensors.count)),
      ("dtypes", .array(dtypes)),
      ("ties_output_head", summary.tiesOutputHead.map { .bool($0) } ?? .null),
      ("output_head", .array(summary.outputHead.map { .string($0) })),
      ("files", .array(files)),
      ("stacks", .array(stacks)),
      ("tensors_outside_layers", .array(summary.tensorsOutsideLayers.map { .string($0.name) })),
      ("side_files", .array(sideFiles)),
      ("tensors", .array(checkpoint.tensors.map(tensor))),
    ]
  }

  private func tensor(_ tensor: CheckpointTensor) -> JSONText {
    [
      "name": .string(tensor.name), "dtype": .string(tensor.dtype.rawValue),
      "shape": JSONText(tensor.shape), "file": .string(fileName(of: tensor)),
      "byte_offset": .number(tensor.bytes.lowerBound), "byte_count": .number(tensor.byteCount),
    ]
  }
}
