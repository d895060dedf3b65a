import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AdapterCombinationTests {
  private let run: CombinationRun

  init() throws {
    run = try CombinationRun()
    var other = TestAdapter(
      [("layers.0.q", 7, 5), ("layers.1.q", 7, 5)], rank: 3, alpha: 5, seed: 2)
    other.settings["use_rslora"] = "true"
    try run.write(TestAdapter([("layers.0.q", 7, 5), ("layers.1.q", 7, 5)]), "a")
    try run.write(other, "b")
    try run.write(TestAdapter([("layers.0.q", 7, 5), ("layers.1.q", 7, 5)]), "again")
    try run.write(TestAdapter([("layers.0.q", 7, 5), ("layers.0.v", 4, 5)], seed: 3), "c")
  }

  private func json(_ name: String) throws -> [String: Any] {
    let data = Data(try run.folder.bytes(name))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  // MARK: Concatenation

  @Test(arguments: ["a", "b", "c"])
  func `one adapter at weight 1 gives the same update`(name: String) async throws {
    let summary = try await run.combine(run.recipe("concatenate", [(name, "")]))
    let distance = relativeDistance(try run.updates("out"), try run.updates(name))
    // Scales of 2 are exact; that of rsLoRA is irrational and rounded once.
    #expect(name == "b" ? distance < 1e-7 : distance == 0)
    #expect(name == "b" ? summary.relativeError < 1e-7 : summary.relativeError == 0)
    #expect(try json("out/adapter_config.json")["r"] as? Int == (name == "b" ? 3 : 2))
  }

  @Test func `ranks, scales and weights are folded in, with their signs`() async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", "weight: 0.5"), ("b", "weight: -1.25"), ("c", "weight: 3")]))
    let expected = CombinationRun.sum([
      (try run.updates("a"), 0.5), (try run.updates("b"), -1.25), (try run.updates("c"), 3),
    ])
    #expect(relativeDistance(try run.updates("out"), expected) < 3e-7)
    #expect(summary.modules.map(\.name) == ["layers.0.q", "layers.1.q", "layers.0.v"])
    #expect(summary.modules.map(\.rank) == [7, 5, 2])
    #expect(summary.modules.map(\.updates) == [3, 2, 1])
    #expect(summary.relativeError < 1e-7)
    for module in summary.modules {
      let norm = try #require(expected[module.name]).squaredNorm.squareRoot()
      #expect(abs(module.norm - norm) < 1e-6 * norm)
    }
  }

  @Test func `the scale of every module is 1, and A and B weigh the same`() async throws {
    try await run.combine(run.recipe("concatenate", [("a", "weight: 1000"), ("b", "")]))
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    for module in adapter.modules {
      #expect(module.scale == 1)
      let factors = try adapter.factors(of: module)
      let (a, b) = (factors.a.map { $0 * $0 }.reduce(0, +), factors.b.map { $0 * $0 }.reduce(0, +))
      #expect(a / b < 4 && b / a < 4)
    }
  }

  @Test func `ranks that differ are written as patterns`() async throws {
    try await run.combine(run.recipe("concatenate", [("a", ""), ("c", "")]))
    let config = try json("out/adapter_config.json")
    #expect(config["r"] as? Int == 2)
    #expect(config["rank_pattern"] as? [String: Int] == ["layers.0.q": 4])
    #expect(config["alpha_pattern"] as? [String: Int] == ["layers.0.q": 4])
    #expect(
      config["target_modules"] as? [String] == ["layers.0.q", "layers.0.v", "layers.1.q"])
  }

  @Test func `plain targets and the kind of task are taken over`() async throws {
    var first = TestAdapter([("layers.0.q", 3, 5)])
    first.settings["target_modules"] = #"["q"]"#
    first.settings["task_type"] = #""CAUSAL_LM""#
    var second = TestAdapter([("layers.0.v", 3, 5)], seed: 2)
    second.settings["target_modules"] = #"["v"]"#
    second.settings["layers_to_transform"] = "null"
    try run.write(first, "first")
    try run.write(second, "second")
    try await run.combine(run.recipe("concatenate", [("first", ""), ("second", "")]))
    let config = try json("out/adapter_config.json")
    #expect(config["target_modules"] as? [String] == ["q", "v"])
    #expect(config["task_type"] as? String == "CAUSAL_LM")
    #expect(config["use_rslora"] as? Bool == false)
    #expect(config["lora_alpha"] as? Int == 2)
  }

  @Test func `bfloat16 rounds once and the error is told`() async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", ""), ("b", "weight: 0.3")]),
      CombinationOptions(dtype: .bfloat16))
    let expected = CombinationRun.sum([(try run.updates("a"), 1), (try run.updates("b"), 0.3)])
    let missing = CombinationRun.sum([(expected, 1), (try run.updates("out"), -1)])
    let error = (norm(missing) / norm(expected))
    #expect(error > 1e-4 && error < 0.01)
    #expect(abs(summary.relativeError - error) < 1e-3 * error)
  }

  private func norm(_ updates: [String: Matrix<Double>]) -> Double {
    updates.values.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
  }

  // MARK: A smaller rank

  @Test(arguments: 1...6)
  func `a smaller rank misses what the singular values behind it are`(rank: Int) async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", ""), ("b", "weight: -0.7"), ("c", "weight: 2")]),
      CombinationOptions(rank: rank))
    let whole = CombinationRun.sum([
      (try run.updates("a"), 1), (try run.updates("b"), -0.7), (try run.updates("c"), 2),
    ])
    let written = try run.updates("out")
    for module in summary.modules {
      let update = try #require(whole[module.name])
      let values = SingularValues(update).values
      let tail = values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(module.residual - tail) <= 1e-6 * values[0], "\(module.name)")
      var missing = update
      missing.add(try #require(written[module.name]).elements, times: -1)
      #expect(abs(missing.squaredNorm.squareRoot() - module.residual) <= 1e-6 * values[0])
      #expect(module.rank <= rank)
    }
  }

  @Test func `an energy decides the ranks`() async throws {
    let recipe = run.recipe("concatenate", [("a", ""), ("b", ""), ("c", "")])
    let summary = try await run.combine(recipe, CombinationOptions(energy: 0.9))
    for module in summary.modules {
      #expect(module.relativeError * module.relativeError <= 0.1 + 1e-9)
      #expect(module.rank < 7)
    }
    let all = try await run.combine(recipe, CombinationOptions(energy: 1))
    #expect(all.relativeError < 1e-6)
    let capped = try await run.combine(recipe, CombinationOptions(rank: 2, energy: 0.99))
    #expect(capped.modules.map(\.rank) == [2, 2, 2])
  }

  @Test func `updates that cancel leave rank 1 and no error`() async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", ""), ("again", "weight: -1"), ("c", "")]))
    let recut = try await run.combine(
      run.recipe("concatenate", [("a", ""), ("again", "weight: -1"), ("c", "")]),
      CombinationOptions(rank: 2))
    #expect(summary.modules.map(\.rank) == [6, 4, 2])
    #expect(
      relativeDistance(
        try run.updates("out").filter { $0.key != "layers.1.q" }, try run.updates("c")) < 1e-6)
    #expect(recut.modules.map(\.rank).allSatisfy { $0 >= 1 })
  }

  @Test func `a combination of nothing is an error`() async throws {
    #expect(
      await run.faults(run.recipe("concatenate", [("a", "weight: 0")])) == [
        """
        error: the combination changes nothing: all its updates are zero
        hint: look at the weights, and at the adapters with 'sinter adapter inspect'
        """
      ])
    #expect(try run.folder.names().filter { $0.hasPrefix("out") }.isEmpty)
  }

  // MARK: Sums with parameters

  @Test func `linear divides by the weights, task arithmetic does not`() async throws {
    let models = [("a", "weight: 1"), ("c", "weight: 3")]
    let (a, c) = (try run.updates("a"), try run.updates("c"))
    try await run.combine(run.recipe("linear", models))
    #expect(
      relativeDistance(try run.updates("out"), CombinationRun.sum([(a, 0.25), (c, 0.75)])) < 1e-6)
    try await run.combine(run.recipe("linear", models, "normalize: false"))
    #expect(relativeDistance(try run.updates("out"), CombinationRun.sum([(a, 1), (c, 3)])) < 1e-6)
    try await run.combine(run.recipe("task_arithmetic", models, "lambda: 0.5"))
    #expect(
      relativeDistance(try run.updates("out"), CombinationRun.sum([(a, 0.5), (c, 1.5)])) < 1e-6)
  }

  @Test func `parameters follow layers and filters`() async throws {
    try await run.combine(
      run.recipe(
        "concatenate",
        [("a", "weight: [0, 2]"), ("c", "weight: [{filter: q, value: 1}, {value: 3}]")]))
    let written = try run.updates("out")
    let (a, c) = (try run.updates("a"), try run.updates("c"))
    let q0 = try #require(c["layers.0.q"])
    #expect(written["layers.0.q"]?.distance(to: q0) ?? 1 < 1e-6)
    var q1 = try #require(a["layers.1.q"])
    q1.scaleRows(by: Array(repeating: 2, count: q1.rows))
    #expect(written["layers.1.q"]?.distance(to: q1) ?? 1 < 1e-6)
  }

  // MARK: Bytes

  @Test(arguments: [
    ("concatenate", CombinationOptions()), ("concatenate", CombinationOptions(rank: 3)),
    ("ties", CombinationOptions(rank: 3)), ("dare_linear", CombinationOptions(rank: 3)),
    ("knots", CombinationOptions()),
  ])
  func `threads and memory change no byte`(method: String, options: CombinationOptions) async throws
  {
    for (name, rank, seed) in [("w", 3, 7), ("x", 5, 8)] as [(String, Int, UInt64)] {
      try run.write(
        TestAdapter(
          [("layers.0.q", 130, 97), ("layers.1.q", 97, 131), ("layers.2.q", 5, 3)], rank: rank,
          seed: seed), name)
    }
    let density = method == "concatenate" ? "" : "density: 0.5"
    let recipe = run.recipe(method, [("w", density), ("x", density)])
    var bytes: [[UInt8]] = []
    for (threads, memory) in [(1, 512 << 20), (3, 512 << 20), (2, 72 << 20)] {
      var options = options
      options.threads = threads
      options.memory = memory
      try await run.combine(recipe, options)
      bytes.append(try run.folder.bytes("out/adapter_model.safetensors"))
      #expect(
        try run.folder.names("out") == [
          "README.md", "adapter_config.json", "adapter_model.safetensors", "sinter_manifest.json",
        ])
    }
    #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
  }
}
