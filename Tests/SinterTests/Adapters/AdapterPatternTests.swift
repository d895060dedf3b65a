import Testing

@testable import Sinter

@Suite struct AdapterPatternTests {
  @Test(arguments: [
    ("k_proj", "model.layers.0.self_attn.k_proj", true),
    ("k_proj", "k_proj", true),
    ("k_proj", "model.layers.0.self_attn.xk_proj", false),
    ("k_proj", "model.layers.0.self_attn.k_proj.x", false),
    ("layers.1.k_proj", "model.layers.1.k_proj", true),
    ("layers.1.k_proj", "model.layers.11.k_proj", false),
    // A dot stands for any character, as in every regular expression.
    ("layers.1.k_proj", "model.layersX1.k_proj", true),
    ("model.layers.0.q_proj", "model.layers.0.q_proj", true),
    ("^layers.0.q_proj", "layers.0.q_proj", true),
    ("^layers.0.q_proj", "model.layers.0.q_proj", false),
    (#"layers\.[1-9]\.q_proj"#, "model.layers.3.q_proj", true),
    (#"layers\.[1-9]\.q_proj"#, "model.layers.0.q_proj", false),
    ("q_proj|v_proj", "a.v_proj", true),
    ("q_proj|v_proj", "a.k_proj", false),
    (".*attn.*", "model.layers.0.self_attn.q_proj", true),
    ("", "anything", false),
  ])
  func `a key matches the end of a name, from a dot on`(
    key: String, name: String, isMatch: Bool
  ) throws {
    #expect(try AdapterPattern(key).matches(name) == isMatch)
  }

  @Test func `what is no regular expression is refused`() {
    #expect(throws: AdapterPattern.Fault.self) { try AdapterPattern("layers.(0") }
  }
}
