import Foundation
import Testing

@testable import Sinter

@Suite struct AdapterDescriptionTests {
  private func module(_ name: String, rank: Int = 4, alpha: Double? = nil)
    -> AdapterDescription.Module
  {
    AdapterDescription.Module(name: name, rank: rank, alpha: alpha ?? Double(rank))
  }

  private func document(_ description: AdapterDescription) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(description.encoded())) as? [String: Any] ?? [:]
  }

  @Test func `Targets are named by their last part when that means no other module`() {
    var description = AdapterDescription(modules: [
      module("model.layers.0.q_proj"), module("model.layers.1.q_proj"), module("lm_head"),
    ])
    description.modelModules = [
      "model.layers.0.q_proj", "model.layers.1.q_proj", "lm_head", "model.norm",
    ]
    #expect(description.targets == ["lm_head", "q_proj"])
    description.modelModules.append("model.layers.2.q_proj")
    #expect(
      description.targets == ["lm_head", "model.layers.0.q_proj", "model.layers.1.q_proj"])
    // A part of a name that leads to other modules is one too.
    description.modelModules[4] = "vision.q_proj.norm"
    #expect(description.targets.count == 3)
    // Numbers would mean layers.
    let numbers = AdapterDescription(modules: [module("mlp.0"), module("mlp.2")])
    #expect(numbers.targets == ["mlp.0", "mlp.2"])
  }

  @Test func `Ranks and alphas that are not the most common ones have patterns`() throws {
    let document = try document(
      AdapterDescription(modules: [
        module("a.q", rank: 8), module("b.q", rank: 4, alpha: 16), module("c.q", rank: 8),
        module("d.q", rank: 2, alpha: 1.5),
      ]))
    #expect(document["r"] as? Int == 8)
    #expect(document["lora_alpha"] as? Int == 8)
    #expect(document["rank_pattern"] as? [String: Int] == ["b.q": 4, "d.q": 2])
    #expect(document["alpha_pattern"] as? [String: Double] == ["b.q": 16, "d.q": 1.5])
    #expect(document["peft_type"] as? String == "LORA")
    #expect(document["modules_to_save"] is NSNull)
    #expect(document["base_model_name_or_path"] is NSNull)
    #expect(document["bias"] as? String == "none")
    #expect(document["use_rslora"] as? Bool == false)
  }

  @Test func `What is set is written`() throws {
    var description = AdapterDescription(modules: [module("a")])
    description.wholeModules = ["n"]
    description.biases = .targets
    description.isFanInFanOut = true
    description.keepsTies = true
    description.baseModel = "models/base"
    description.taskType = "CAUSAL_LM"
    let document = try document(description)
    #expect(document["modules_to_save"] as? [String] == ["n"])
    #expect(document["bias"] as? String == "lora_only")
    #expect(document["fan_in_fan_out"] as? Bool == true)
    #expect(document["ensure_weight_tying"] as? Bool == true)
    #expect(document["base_model_name_or_path"] as? String == "models/base")
    #expect(document["task_type"] as? String == "CAUSAL_LM")
    // What older versions of PEFT do not know of.
    for key in ["lora_bias", "target_parameters", "trainable_token_indices", "peft_version"] {
      #expect(document[key] == nil)
    }
  }

  @Test func `What only some adapters have is written where they have it`() throws {
    var expert = module("layers.0.experts.down_proj", rank: 2)
    expert.isParameter = true
    var description = AdapterDescription(modules: [expert, module("a.q")])
    description.hasFactorBias = true
    description.usesMagnitudes = true
    description.biases = .all
    description.tokenIndices = [.init(module: nil, rows: [7, 2])]
    let text = String(decoding: description.encoded(), as: UTF8.self)
    #expect(
      text == """
        {
          "alpha_pattern": {
            "layers.0.experts.down_proj": 2
          },
          "auto_mapping": null,
          "base_model_name_or_path": null,
          "bias": "all",
          "ensure_weight_tying": false,
          "fan_in_fan_out": false,
          "inference_mode": true,
          "init_lora_weights": true,
          "layers_pattern": null,
          "layers_to_transform": null,
          "lora_alpha": 4,
          "lora_bias": true,
          "lora_dropout": 0.0,
          "modules_to_save": null,
          "peft_type": "LORA",
          "peft_version": "0.19.0",
          "r": 4,
          "rank_pattern": {
            "layers.0.experts.down_proj": 2
          },
          "revision": null,
          "target_modules": [
            "q"
          ],
          "target_parameters": [
            "layers.0.experts.down_proj"
          ],
          "task_type": null,
          "trainable_token_indices": [
            7,
            2
          ],
          "use_dora": true,
          "use_rslora": false
        }

        """)
    description.tokenIndices = [
      .init(module: "embed", rows: [1]), .init(module: "head", rows: [2, 3]),
    ]
    description.laysOutExpertsOldWay = true
    let document = try document(description)
    #expect(
      document["trainable_token_indices"] as? [String: [Int]] == ["embed": [1], "head": [2, 3]])
    #expect(document["peft_version"] as? String == "0.18.0")
  }

  @Test func `An adapter of parameters alone targets no modules`() {
    var expert = module("layers.0.experts.down_proj")
    expert.isParameter = true
    #expect(AdapterDescription(modules: [expert]).targets == [])
  }
}
