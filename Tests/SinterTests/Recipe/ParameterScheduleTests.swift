import Sinter
import Testing

struct ParameterScheduleTests {
  @Test func `fractions of layers`() {
    #expect((0..<4).map { LayerFraction.of(layer: $0, count: 4) } == [0, 1.0 / 3, 2.0 / 3, 1])
    #expect(LayerFraction.of(layer: 0, count: 1) == 1)
    #expect(LayerFraction.outsideLayers == 0)
  }

  @Test func `a gradient over four layers`() throws {
    let scale = try setting("[1, 2, 4]")
    let values = try (0..<4).map { layer in
      try number(scale, at: LayerFraction.of(layer: layer, count: 4))
    }
    for (value, expected) in zip(values, [1, 5.0 / 3, 8.0 / 3, 4]) {
      #expect(abs((value ?? .nan) - expected) < 1e-15 * 4)
    }
    #expect(try number(scale, at: LayerFraction.outsideLayers) == 1)
    #expect(try number(scale, at: LayerFraction.of(layer: 0, count: 1)) == 4)
  }

  @Test func `gradients agree with the formula`() throws {
    let values = [0.0, 0.5, 0.3, 0.7, 1.0]
    let gradient = try setting("[0, 0.5, 0.3, 0.7, 1]")
    for count in 1...40 {
      for layer in 0..<count {
        let fraction = LayerFraction.of(layer: layer, count: count)
        let place = fraction * 4
        let lower = Int(place.rounded(.down))
        let part = place - Double(lower)
        let upper = min(lower + 1, 4)
        let expected = (1 - part) * values[lower] + part * values[upper]
        let value = try #require(try number(gradient, at: fraction))
        #expect(abs(value - expected) <= 1e-16)
      }
    }
  }

  @Test func `a gradient of equal values is that value`() throws {
    let gradient = try setting("[0.1, 0.1, 0.1]")
    for layer in 0..<97 {
      #expect(try number(gradient, at: LayerFraction.of(layer: layer, count: 97)) == 0.1)
    }
  }

  @Test func `a gradient of one value is that value`() throws {
    let gradient = try setting("['7']")
    for fraction in [0, 0.5, 1] { #expect(try number(gradient, at: fraction) == 7) }
  }

  @Test func `Booleans and words step`() throws {
    let flags = try setting("[yes, no, 1]")
    let words = try setting("[mean, first]")
    let fractions = [0, 0.49, 0.5, 0.99, 1]
    #expect(
      try fractions.map { try flags.value(as: .boolean, for: "x", at: $0) }
        == [true, true, false, false, true].map { .boolean($0) })
    #expect(
      try fractions.map { try words.value(as: .choice(["mean", "first"]), for: "x", at: $0) }
        == ["mean", "mean", "mean", "mean", "first"].map { .choice($0) })
  }

  @Test func `whole numbers stay whole`() throws {
    let kind = ParameterKind.integer(0...100)
    let gradient = try setting("[0, 10.0]")
    for layer in 0...10 {
      let fraction = LayerFraction.of(layer: layer, count: 11)
      #expect(try gradient.value(as: kind, for: "x", at: fraction) == .integer(layer))
    }
    let fault = #expect(throws: RecipeFault.self) {
      try gradient.value(as: kind, for: "x", at: 0.25)
    }
    #expect(fault?.message == "'p' must be a whole number, its gradient gives 2.5")
    #expect(fault?.position == SourcePosition(line: 1, column: 75))
  }

  @Test func `the first filter that fits counts`() throws {
    let setting = try setting(
      "[{filter: self_attn, value: [0, 1]}, {filter: mlp.up, value: 0.25}, {filter: 'mlp', value:"
        + " []}, {filter: '*', value: 3}, {value: 4}]")
    let table: [(String, Double, Double?)] = [
      ("model.layers.0.self_attn.q_proj.weight", 0.5, 0.5),
      ("model.layers.0.mlp.up_proj.weight", 0.5, 0.25),
      // An empty list that fits gives nothing; the entries after it are not asked.
      ("model.layers.0.mlp.down_proj.weight", 0.5, nil),
      ("lm_head.weight", 0, 3),
      ("", 0, 3),
    ]
    for (name, fraction, expected) in table {
      #expect(try number(setting, for: name, at: fraction) == expected)
    }
  }

  @Test func `a filter is a part of the name, not a pattern`() throws {
    let setting = try setting("{filter: 'layers.1.', value: 1}")
    #expect(try number(setting, for: "model.layers.1.mlp", at: 0) == 1)
    #expect(try number(setting, for: "model.layers.11.mlp", at: 0) == nil)
    #expect(try number(setting, for: "model.layersX1Xmlp", at: 0) == nil)
    let empty = try self.setting("{filter: '', value: 1}")
    #expect(try number(empty, for: "anything", at: 0) == 1)
    let none = try self.setting("{filter: ~, value: 1}")
    #expect(try number(none, for: "anything", at: 0) == 1)
  }

  @Test func `faults carry the position of the element`() throws {
    let setting = try setting("[0, 2]")
    let fault = #expect(throws: RecipeFault.self) {
      try setting.value(as: .fraction, for: "x", at: 0)
    }
    #expect(fault?.position == SourcePosition(line: 1, column: 79))
    #expect(fault?.description == "'p' must be from 0 to 1, found '2'")
  }

  private func number(
    _ setting: ParameterSetting, for tensor: String = "x", at fraction: Double
  ) throws -> Double? {
    let value = try setting.value(as: .anyNumber, for: tensor, at: fraction)
    guard case .number(let number) = value else { return nil }
    return number
  }

  private func setting(_ yaml: String) throws -> ParameterSetting {
    let text = "{merge_method: linear, models: [{model: aaaa_aaaa}], parameters: {  p:    \(yaml)}}"
    let decoded = RecipeDecoder.decode(text: text, file: "r.yml")
    #expect(decoded.diagnostics.isEmpty)
    return try #require(decoded.recipe?.parameters["p"])
  }
}
