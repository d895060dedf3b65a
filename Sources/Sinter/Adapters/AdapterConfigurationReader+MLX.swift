import Safetensors

extension AdapterConfigurationReader {
  /// The configuration of an adapter of MLX, which stands among all settings of its training.
  mutating func mlx() -> AdapterConfiguration? {
    let type = text("fine_tune_type") ?? (flag("use_dora") ? "dora" : "lora")
    guard type == "lora" || type == "dora" else {
      fail(
        type == "full"
          ? "'fine_tune_type' is 'full': these are the weights of a whole model, not an adapter"
          : "'fine_tune_type' must be lora or dora, found '\(type)'")
      return nil
    }
    guard let parameters = member("lora_parameters"), parameters.object != nil else {
      fail("'lora_parameters' is missing")
      return nil
    }
    guard let rank = parameters["rank"].flatMap({ wholeNumber($0, "lora_parameters.rank") }) else {
      if faults.isEmpty { fail("'lora_parameters' has no 'rank'") }
      return nil
    }
    let alpha = parameters["alpha"].flatMap { realNumber($0, "lora_parameters.alpha") }
    let factor = parameters["scale"].flatMap { realNumber($0, "lora_parameters.scale") }
    let scale: Double
    switch (factor, alpha) {
    case (let factor?, nil): scale = factor
    case (nil, let alpha?): scale = alpha / Double(rank)
    case (let factor?, let alpha?) where alpha == Double(rank): scale = factor
    case (.some, .some):
      fail(
        "'lora_parameters' has 'alpha' and 'scale': some versions of MLX multiply by scale, others "
          + "by scale · alpha / rank",
        hint: "remove 'alpha', after multiplying 'scale' with alpha / rank if the version was such")
      return nil
    case (nil, nil):
      if faults.isEmpty { fail("'lora_parameters' has no 'scale'") }
      return nil
    }
    return AdapterConfiguration(
      format: .mlx, rank: rank, alpha: scale * Double(rank), scaling: .fixed(scale),
      rankPatterns: [], alphaPatterns: [], isFanInFanOut: false, bias: .none,
      hasFactorBias: false, usesMagnitudes: type == "dora", modulesToSave: [],
      targetParameters: [], tokenIndices: [], keepsTies: false,
      baseModel: member("model")?.string, version: nil)
  }
}
