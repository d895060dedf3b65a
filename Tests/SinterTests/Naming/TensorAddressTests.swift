import Testing

@testable import Sinter

@Suite struct TensorAddressTests {
  @Test(
    arguments: [
      ("model.layers.12.mlp.experts.3.w1.weight", "model.layers.", 12, ".mlp.experts.3.w1.weight"),
      ("h.0.attn.c_attn.weight", "h.", 0, ".attn.c_attn.weight"),
      (
        "encoder.block.1.layer.0.SelfAttention.q.weight", "encoder.block.", 1,
        ".layer.0.SelfAttention.q.weight"
      ),
      ("blocks.7", "blocks.", 7, ""),
      ("a.999999999.b", "a.", 999_999_999, ".b"),
      ("a..3.b", "a..", 3, ".b"),
    ] as [(String, String, Int, String)])
  func `a name is taken apart at its first number`(
    name: String, stack: String, index: Int, suffix: String
  ) {
    #expect(TensorAddress(name).layer == .init(stack: stack, index: index, suffix: suffix))
    #expect(TensorAddress(name).name == name)
  }

  @Test(arguments: [
    "lm_head.weight", "0.weight", "", ".", "a.", "model.layer12.weight", "a.01.b",
    "a.1234567890.b", "a.-1.b", "a.١.b", "a.1b.c",
  ])
  func `other names belong to no layer`(name: String) {
    #expect(TensorAddress(name).layer == nil)
  }
}
