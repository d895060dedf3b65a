import SinterTensors
import Testing

@testable import Sinter

@Suite struct MergeGroupTests {
  private func group(hasBase: Bool, tensor: String = "t") -> MergeGroup {
    MergeGroup(
      tensor: tensor, shape: [2, 3], inputs: hasBase ? ["b", "x", "y"] : ["x", "y"],
      hasBase: hasBase,
      parameters: GroupParameters(
        tensor: ["lambda": .number(2), "k": .integer(3), "on": .boolean(true)],
        inputs: (hasBase ? [[:]] : []) + [["weight": .number(1)], ["weight": .integer(2)]]),
      seed: 8)
  }

  @Test func `the models are the rows without the base`() {
    #expect(group(hasBase: true).models == 1..<3)
    #expect(group(hasBase: false).models == 0..<2)
    #expect(group(hasBase: true).elementCount == 6)
  }

  @Test func `naming the base does not change what is drawn for a model`() {
    let (with, without) = (group(hasBase: true), group(hasBase: false))
    #expect(with.random(forRow: 1) == without.random(forRow: 0))
    #expect(with.random(forRow: 2) == without.random(forRow: 1))
    #expect(with.random(forRow: 1) != with.random(forRow: 2))
    #expect(with.random(forRow: 1) != group(hasBase: true, tensor: "u").random(forRow: 1))
  }

  @Test func `numbers are read from both kinds of number`() {
    let parameters = group(hasBase: false).parameters
    #expect(parameters.number("lambda") == 2)
    #expect(parameters.number("k") == 3)
    #expect(parameters.number("on") == nil)
    #expect(parameters.number("weight", input: 1) == 2)
    #expect(parameters.number("density", input: 1) == nil)
    #expect(parameters.isOn("on"))
    #expect(!parameters.isOn("off"))
  }
}
