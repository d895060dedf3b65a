import SinterCommands

/// The program `sinter`.
@main
struct SinterMain {
  static func main() async {
    await SinterProgram.main()
  }
}
