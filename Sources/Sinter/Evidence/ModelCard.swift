import Safetensors

/// The output's README: where the model comes from, in the form that the hub reads.
struct ModelCard {
  /// The text of the file.
  let text: String

  /// Writes the card.
  ///
  /// - Parameters:
  ///   - plan: the plan that was executed.
  ///   - title: the name of the output folder.
  init(_ plan: MergePlan, title: String) {
    let merged = plan.inputs.filter { !$0.isBase }
    let base = plan.inputs.first(where: \.isBase)
    let hubNames = plan.inputs.compactMap(Self.hubName)
    var lines = ["---"]
    if !hubNames.isEmpty {
      lines.append("base_model:")
      lines += hubNames.map { "- \($0)" }
    }
    lines += ["library_name: transformers", "tags:", "- merge", "- sinter", "---", ""]
    lines += ["# \(title)", ""]
    lines.append(
      "This model was merged from fine-tuned models by Sinter \(SinterVersion.current).")
    lines += ["", "## Merge", ""]
    let method = plan.method.source.map { "[\(plan.method.title)](\($0))" } ?? plan.method.title
    lines.append("Method: \(method)" + (base.map { ", with `\($0.name)` as the base" } ?? ""))
    lines += ["", "Models:", ""]
    lines += (merged.isEmpty ? plan.inputs : merged).map { "- `\($0.name)`" }
    let fence = Self.fence(for: plan.recipe.text)
    let recipe = plan.recipe.text.hasSuffix("\n") ? plan.recipe.text : plan.recipe.text + "\n"
    lines += ["", "Recipe:", "", fence + "yaml", recipe + fence, ""]
    lines.append(
      "`sinter_manifest.json` tells what became of every tensor; the plan's hash is "
        + "`\(PlanHash(plan).text.prefix(16))`.")
    text = lines.joined(separator: "\n") + "\n"
  }

  /// The name of a model on the hub, so that a card may link to it; `nil` for any other.
  ///
  /// A folder of the hub's cache tells it: `models--owner--name/snapshots/REVISION`. Otherwise the
  /// reference is the name when it has its form and is not the local path at which it was found.
  private static func hubName(of input: PlannedInput) -> String? {
    let found = input.checkpoint.path
    let components = found.split(separator: "/")
    if let snapshots = components.lastIndex(of: "snapshots"), snapshots > 0,
      components[snapshots - 1].hasPrefix("models--")
    {
      let parts = components[snapshots - 1].dropFirst("models--".count).split(separator: "--")
      return parts.allSatisfy(isNamePart) ? parts.joined(separator: "/") : nil
    }
    let path = input.reference.path
    guard found != path, !found.hasSuffix("/" + path) else { return nil }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy(isNamePart) ? path : nil
  }

  private static func isNamePart(_ part: Substring) -> Bool {
    !part.isEmpty && !part.hasPrefix(".")
      && part.allSatisfy { character in
        character.isASCII
          && (character.isLetter || character.isNumber || "-_.".contains(character))
      }
  }

  /// A fence that is longer than any in the text.
  private static func fence(for text: String) -> String {
    var longest = 2
    var run = 0
    for character in text {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    return String(repeating: "`", count: longest + 1)
  }
}
