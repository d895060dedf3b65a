public import Safetensors
import SinterTensors

/// A model on disk: its weight files with every tensor in them, its configuration, and the other
/// files of its folder.
///
/// Opening a checkpoint reads headers and small files only. Files that its index does not name are
/// not weights of it.
public struct Checkpoint: Sendable {
  /// The folder, or the one file that is the whole checkpoint.
  public let path: String
  /// The weight files, in the order in which the index first names them.
  public let files: [SafetensorsFile]
  /// The tensors, in the order in which they lie in the files.
  public let tensors: [CheckpointTensor]
  /// What `config.json` says, or `nil` when there is none.
  public let configuration: ModelConfiguration?
  /// The other files of the folder that belong to the model: tokenizer, generation settings, chat
  /// template, code and the like; no weights, no index, no README.
  public let sideFiles: [SideFile]
  /// The adapters that change the tensors' values when they are read.
  public let adapters: [AppliedAdapter]
  /// What is worth knowing about it.
  let remarks: [Diagnostic]

  private let places: [String: Int]

  /// The tensor of a name, or `nil`.
  public func tensor(_ name: String) -> CheckpointTensor? {
    places[name].map { tensors[$0] }
  }

  /// The place of a tensor among ``tensors``.
  ///
  /// - Parameters:
  ///   - name: the name of the tensor.
  ///   - guess: a place that is looked at first; right in checkpoints that list their tensors in
  ///     the order in which they are asked for, and any number otherwise.
  /// - Returns: the place; `nil` when the checkpoint has no such tensor.
  func place(of name: String, guess: Int) -> Int? {
    if tensors.indices.contains(guess), tensors[guess].name == name { return guess }
    return places[name]
  }

  /// The number of elements of all tensors.
  public var parameterCount: Int {
    tensors.reduce(0) { $0 + $1.shape.elementCount }
  }

  init(
    path: String, files: [SafetensorsFile], tensors: [CheckpointTensor],
    configuration: ModelConfiguration?, sideFiles: [SideFile], remarks: [Diagnostic],
    adapters: [AppliedAdapter] = []
  ) throws(DiagnosticError) {
    self.path = path
    self.files = files
    self.tensors = tensors
    self.configuration = configuration
    self.sideFiles = sideFiles
    self.adapters = adapters
    self.remarks = remarks
    var places: [String: Int] = [:]
    places.reserveCapacity(tensors.count)
    for (place, tensor) in tensors.enumerated() {
      guard places.updateValue(place, forKey: tensor.name) == nil else {
        throw DiagnosticError([
          Diagnostic(
            file: files[tensor.file].path, "tensor '\(tensor.name)' is stored more than once")
        ])
      }
    }
    self.places = places
  }
}
