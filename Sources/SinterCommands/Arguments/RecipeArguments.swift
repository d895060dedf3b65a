import ArgumentParser
import Foundation
import Safetensors
import Sinter

/// The recipe and all that a plan depends on beside it.
struct RecipeArguments: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      """
      The recipe, a YAML or JSON file; '-' reads standard input. Relative paths of models are \
      looked up from the working directory, then from the recipe's folder.
      """, valueName: "recipe"),
    completion: .file(extensions: ["yml", "yaml", "json"]))
  var recipe: String

  @Option(
    help: ArgumentHelp(
      "The element type of the output's tensors. (default: what the recipe says)", valueName: "name"
    ))
  var dtype: OutputType?

  @Option(
    help: ArgumentHelp(
      "The largest weight file, such as 2GB or 512MiB. (default: 5GB)", valueName: "size"),
    transform: ByteSize.init(parsing:))
  var shardSize = ByteSize(5_000_000_000, "5GB")

  @Option(
    help: ArgumentHelp(
      "The key of all that is random; the same seed gives the same bytes.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      """
      What to do about a tensor that some models lack: refuse, follow the base, or copy it \
      from the first model that has it.
      """, valueName: "policy"))
  var onMissing = MissingChoice.error

  @Flag(
    help: ArgumentHelp(
      """
      When adapters change only one use of a matrix that a model ties, its embedding or its output \
      head, write both and say so in the configuration. (default: refuse)
      """))
  var untie = false

  /// Reads the recipe and makes its plan.
  func plan() throws(DiagnosticError) -> MergePlan {
    let registry = SinterProgram.methods
    let recipe = try MergeRecipe.read(
      text: RecipeText.read(recipe), file: recipe, methods: registry.declarations)
    let planner = MergePlanner(
      registry: registry,
      resolver: LocalModelResolver(recipeFile: self.recipe == "-" ? nil : self.recipe),
      options: PlanOptions(
        dtype: dtype?.dtype, shardSize: shardSize.byteCount, seed: seed,
        onMissing: onMissing.policy, ties: untie ? .untie : .refuse))
    return try planner.plan(recipe)
  }
}

/// The text of a recipe, wherever it comes from.
enum RecipeText {
  /// The largest recipe in bytes; the parser holds a multiple of it.
  private static let limit = 16 << 20

  /// Reads a recipe.
  ///
  /// - Parameter path: the path of a file, or `-` for standard input.
  /// - Returns: the text.
  /// - Throws: ``DiagnosticError`` when there is no such file, it cannot be read, or it is no text.
  static func read(_ path: String) throws(DiagnosticError) -> String {
    let bytes = try path == "-" ? bytes(of: .standardInput, named: "<stdin>") : bytes(at: path)
    guard bytes.count <= limit else {
      throw DiagnosticError([
        Diagnostic(file: path, "the recipe is larger than \(ByteCountText(limit))")
      ])
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DiagnosticError([Diagnostic(file: path, "the recipe is not UTF-8 text")])
    }
    return text
  }

  private static func bytes(at path: String) throws(DiagnosticError) -> [UInt8] {
    switch FileItem.kind(at: path) {
    case nil:
      throw DiagnosticError(
        [Diagnostic(.error, "the recipe '\(path)' does not exist")], kind: .notFound)
    case .folder:
      throw DiagnosticError([
        Diagnostic(file: path, "this is a folder, not a recipe", hint: "name the YAML file")
      ])
    case .file:
      do throws(SafetensorsError) {
        return try FileItem.read(path, limit: limit)
      } catch {
        throw DiagnosticError(error)
      }
    default:
      // A pipe, such as a shell's process substitution.
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw DiagnosticError(
          [Diagnostic(file: path, "the recipe cannot be read")], kind: .inputOutput)
      }
      return try bytes(of: file, named: path)
    }
  }

  private static func bytes(
    of file: FileHandle, named name: String
  ) throws(DiagnosticError) -> [UInt8] {
    do {
      var bytes: [UInt8] = []
      while bytes.count <= limit, let piece = try file.read(upToCount: 1 << 16), !piece.isEmpty {
        bytes += piece
      }
      return bytes
    } catch {
      throw DiagnosticError(
        [Diagnostic(file: name, "the recipe cannot be read: \(error)")], kind: .inputOutput)
    }
  }
}
