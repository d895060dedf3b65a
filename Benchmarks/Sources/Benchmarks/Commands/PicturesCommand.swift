import ArgumentParser

/// `Benchmarks pictures`: the drawings of the pages of methods.
struct PicturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pictures", abstract: "Draw the pictures of the documentation of methods.")

  @Argument(help: "Where to, such as ../Sources/Sinter/Sinter.docc/Resources.")
  var folder: String

  func run() throws {
    try MethodPictures.write(to: folder)
  }
}
