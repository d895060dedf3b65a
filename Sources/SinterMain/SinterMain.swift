import ArgumentParser
import SinterCommands

@main
struct SinterMain {
  static func main() async {
    await SinterCommand.main()
  }
}
