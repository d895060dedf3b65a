import Sinter
import SinterCommands

@main
struct CustomSinter {
  static func main() async {
    var methods = MethodRegistry.builtIn
    methods.register(Midpoint.self)
    await SinterProgram.main(methods: methods)
  }
}
