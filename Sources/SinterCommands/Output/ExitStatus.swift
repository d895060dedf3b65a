/// What the program tells the one who started it.
enum ExitStatus: Int32 {
  /// It did what it was asked.
  case success = 0
  /// The arguments are wrong.
  case usage = 64
  /// A recipe or a checkpoint is invalid.
  case invalid = 65
  /// A named file or model does not exist.
  case notFound = 66
  /// A fault of the program itself.
  case software = 70
  /// The output exists or cannot be created.
  case output = 73
  /// A file cannot be read or written, or the disk is full.
  case inputOutput = 74
  /// The user stopped it.
  case interrupted = 130
}
