import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Factors of packed experts: a pair for each expert of a layer.
@Suite struct PackedExpertsTests {
  private let run: CombinationRun

  private static let gate = "l.0.experts.gate_up_proj"
  private static let down = "l.0.experts.down_proj"

  init() throws {
    run = try CombinationRun()
    var a = TestAdapter([("l.0.q", 6, 5)])
    a.addExperts(Self.gate, nesting: 1, (3, 8, 5))
    a.addExperts(Self.down, (3, 5, 4))
    try run.write(a, "a")
    var b = TestAdapter([("l.0.q", 6, 5)], rank: 3, alpha: 5, seed: 2)
    b.settings["use_rslora"] = "true"
    b.addExperts(Self.gate, nesting: 1, (3, 8, 5), rank: 3, seed: 2)
    b.addExperts(Self.down, (3, 5, 4), rank: 3, seed: 2)
    try run.write(b, "b")
  }

  private func config(_ name: String = "out") throws -> [String: Any] {
    let data = Data(try run.folder.bytes(name + "/adapter_config.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// The experts of an update.
  private func experts(_ update: Matrix<Double>, _ count: Int) -> [Matrix<Double>] {
    let rows = update.rows / count
    return (0..<count).map { update.rows($0 * rows..<($0 + 1) * rows) }
  }

  // MARK: Sums

  @Test func `the experts of several adapters add up`() async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", "weight: 0.5"), ("b", "weight: -1.25")]))
    let expected = CombinationRun.sum([(try run.updates("a"), 0.5), (try run.updates("b"), -1.25)])
    #expect(expected.keys.sorted() == [Self.down, Self.gate, "l.0.q"])
    #expect(relativeDistance(try run.updates("out"), expected) < 3e-7)
    #expect(summary.modules.map(\.name) == ["l.0.q", Self.gate, Self.down])
    #expect(summary.modules.map(\.shape) == [[6, 5], [3, 8, 5], [3, 5, 4]])
    #expect(summary.modules.map(\.rank) == [5, 5, 5])
    #expect(summary.relativeError < 1e-7)
    for module in summary.modules {
      let norm = try #require(expected[module.name]).squaredNorm.squareRoot()
      #expect(abs(module.norm - norm) < 1e-6 * norm)
    }
    let config = try config()
    #expect(config["target_parameters"] as? [String] == [Self.down, Self.gate])
    #expect(config["target_modules"] as? [String] == ["l.0.q"])
    #expect(config["peft_version"] as? String == "0.19.0")
    #expect(config["rank_pattern"] as? [String: Int] == [:])
  }

  @Test func `parameters of different adapters are nested as PEFT does`() async throws {
    for (name, parameter, shape) in [
      ("up", Self.gate, (3, 8, 5)), ("down", Self.down, (3, 5, 4)),
    ] {
      var adapter = TestAdapter([])
      adapter.addExperts(parameter, shape, seed: 7)
      adapter.settings["target_modules"] = "[]"
      try run.write(adapter, name)
    }
    try await run.combine(
      run.recipe("concatenate", [("down", ""), ("up", "")]), CombinationOptions(rank: 1))
    let stored = try TestTensor.read(run.folder.appending("out/adapter_model.safetensors"))
    #expect(
      Dictionary(uniqueKeysWithValues: stored.map { ($0.name, $0.shape) }) == [
        "base_model.model.l.0.experts.base_layer.lora_A.weight": [3, 5],
        "base_model.model.l.0.experts.base_layer.lora_B.weight": [8, 3],
        "base_model.model.l.0.experts.lora_A.weight": [3, 4],
        "base_model.model.l.0.experts.lora_B.weight": [5, 3],
      ])
    try await run.combine(run.recipe("concatenate", [("down", ""), ("up", "weight: 2")]))
    let expected = CombinationRun.sum([(try run.updates("down"), 1), (try run.updates("up"), 2)])
    #expect(relativeDistance(try run.updates("out"), expected) == 0)
    #expect(try config()["target_modules"] as? [String] == [])
  }

  @Test func `names that would mean other parameters too are written in full`() async throws {
    var adapter = TestAdapter([])
    adapter.addExperts("l.0.experts.down_proj", (3, 5, 4))
    adapter.rename(parameter: "experts.down_proj")
    try run.write(adapter, "x")
    adapter = TestAdapter([])
    adapter.addExperts("l.1.experts.gate_up_proj", (3, 8, 5))
    adapter.rename(parameter: "1.experts.gate_up_proj")
    try run.write(adapter, "y")
    try await run.combine(run.recipe("concatenate", [("x", ""), ("y", "")]))
    // 'experts.down_proj' would mean a second parameter of layer 1.
    #expect(
      try config()["target_parameters"] as? [String] == [
        "l.0.experts.down_proj", "l.1.experts.gate_up_proj",
      ])
    try await run.combine(run.recipe("concatenate", [("x", "")]))
    #expect(try config()["target_parameters"] as? [String] == ["experts.down_proj"])
  }

  // MARK: A smaller rank

  @Test(arguments: [1, 2, 4])
  func `every expert keeps the best of the rank`(rank: Int) async throws {
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", ""), ("b", "weight: 2")]), CombinationOptions(rank: rank))
    let whole = CombinationRun.sum([(try run.updates("a"), 1), (try run.updates("b"), 2)])
    let written = try run.updates("out")
    for module in summary.modules where module.name != "l.0.q" {
      let update = try #require(whole[module.name])
      let tail = experts(update, 3).reduce(0) { sum, expert in
        sum + SingularValues(expert).values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
      }
      let largest = update.largestMagnitude
      #expect(abs(module.residual - tail.squareRoot()) <= 1e-6 * largest)
      var missing = update
      missing.add(try #require(written[module.name]).elements, times: -1)
      #expect(abs(missing.squaredNorm.squareRoot() - module.residual) <= 1e-5 * largest)
      #expect(module.rank == rank)
    }
  }

  @Test func `the rank of an energy suffices for every expert, and is not larger`() async throws {
    for energy in [0.5, 0.9, 0.99] {
      let summary = try await run.combine(
        run.recipe("concatenate", [("a", ""), ("b", "")]), CombinationOptions(energy: energy))
      let whole = CombinationRun.sum([(try run.updates("a"), 1), (try run.updates("b"), 1)])
      for module in summary.modules where module.name != "l.0.q" {
        let needs = experts(try #require(whole[module.name]), 3).map { expert in
          let squares = SingularValues(expert).values.map { $0 * $0 }
          let all = squares.reduce(0, +)
          return (1...squares.count).first {
            squares.dropFirst($0).reduce(0, +) <= (1 - energy) * all
          } ?? squares.count
        }
        #expect(module.rank == needs.max(), "\(needs)")
        #expect(module.relativeError * module.relativeError <= 1 - energy + 1e-9)
      }
    }
  }

  @Test func `an expert that no adapter changes is filled with zeros`() async throws {
    var adapter = TestAdapter([])
    adapter.addExperts(Self.down, (3, 5, 4))
    // Of B the columns of the experts alternate.
    let b = adapter.extra[1]
    adapter.extra[1] = TestTensor(
      b.name, .float32, b.shape, b.values.enumerated().map { $0.offset % 3 == 1 ? 0 : $0.element })
    try run.write(adapter, "sparse")
    for options in [
      CombinationOptions(), CombinationOptions(rank: 1), CombinationOptions(energy: 1),
    ] {
      let summary = try await run.combine(run.recipe("concatenate", [("sparse", "")]), options)
      let update = try #require(try run.updates("out")[Self.down])
      #expect(experts(update, 3)[1].largestMagnitude == 0)
      #expect(summary.modules[0].rank == (options.rank ?? 2))
    }
  }

  // MARK: Merges of elements

  /// A model of zeros, of which all that remains is the update.
  private func writeModel() throws {
    let shapes: [(String, [Int])] = [
      ("l.0.q.weight", [6, 5]), (Self.gate, [3, 8, 5]), (Self.down, [3, 5, 4]),
    ]
    try TestTensor.write(
      shapes.map {
        TestTensor($0.0, .float64, $0.1, Array(repeating: 0, count: $0.1.reduce(1, *)))
      }, to: run.folder.appending("zero.safetensors"))
  }

  @Test(arguments: [
    "ties", "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs",
  ])
  func `elements are merged as those of the packed tensor are`(method: String) async throws {
    try writeModel()
    let models = [("a", "weight: 0.5, density: 0.6"), ("b", "weight: 1, density: 0.7")]
    try await run.combine(run.recipe(method, models), CombinationOptions(rank: 8, seed: 4))
    let merged = try await run.merge(method, models, base: "zero.safetensors", seed: 4)
    let applied = try await AdapterFixtures.apply(
      [(run.folder.appending("out"), 1)], dtype: .float64,
      to: run.folder.appending("zero.safetensors")
    ).tensors
    for (name, tensor) in merged {
      let size = tensor.values.map(\.magnitude).max() ?? 0
      for (value, exact) in zip(try #require(applied[name]).values, tensor.values) {
        #expect(abs(value - exact) <= 3e-6 * size, "\(name)")
      }
    }
  }

  @Test func `knots aligns each expert by itself`() async throws {
    try await run.combine(
      run.recipe("knots", [("a", "density: 0.5"), ("b", "density: 0.7")]), into: "packed")
    let packed = try run.updates("packed")
    for expert in 0..<3 {
      for name in ["a", "b"] {
        let adapter = try AdapterReader.open(run.folder.appending(name))
        let module = try #require(adapter.modules.first { $0.label == Self.down })
        let factors = try adapter.factors(of: module, expert: expert)
        var single = TestAdapter([(Self.down, 5, 4)], rank: factors.rank, alpha: 1)
        single.settings["lora_alpha"] = "\(module.scale * Double(factors.rank))"
        single.modules[0] = TestAdapter.Module(
          name: Self.down,
          a: TestTensor(single.modules[0].a.name, .float64, [factors.rank, 4], factors.a),
          b: TestTensor(single.modules[0].b.name, .float64, [5, factors.rank], factors.b))
        try run.write(single, name + "1")
      }
      try await run.combine(
        run.recipe("knots", [("a1", "density: 0.5"), ("b1", "density: 0.7")]), into: "single")
      let single = try #require(try run.updates("single")[Self.down])
      let own = experts(try #require(packed[Self.down]), 3)[expert]
      #expect(own.distance(to: single) <= 1e-5 * single.largestMagnitude)
    }
  }

  // MARK: MLX

  @Test(arguments: [false, true], ["qwen3_moe", "gpt_oss"])
  func `experts of MLX become a parameter`(isSquare: Bool, family: String) async throws {
    let name = "model.layers.0.mlp.switch_mlp.up_proj"
    let (outputs, inputs) = isSquare ? (4, 4) : (6, 4)
    try run.folder.write(
      #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 3}}"#,
      to: "m/adapter_config.json")
    try TestTensor.write(
      [
        TestTensor(name + ".lora_a", .float32, [3, 2, inputs], seed: 3),
        TestTensor(name + ".lora_b", .float32, [3, outputs, 2], seed: 3),
      ], to: run.folder.appending("m/adapters.safetensors"))
    try run.folder.write(#"{"model_type": "\#(family)"}"#, to: "base/config.json")
    try TestTensor.write(
      [TestTensor(name + ".weight", .float64, [3, outputs, inputs], seed: 9)],
      to: run.folder.appending("base/model.safetensors"))
    try await run.combine(run.recipe("concatenate", [("m", "weight: 0.5")]))
    #expect(try config()["target_parameters"] as? [String] == [name + ".weight"])
    let (base, out, m) = (
      run.folder.appending("base"), run.folder.appending("out"), run.folder.appending("m")
    )
    let combined = try await AdapterFixtures.apply([(out, 1)], dtype: .float64, to: base).tensors
    let direct = try await AdapterFixtures.apply([(m, 0.5)], dtype: .float64, to: base).tensors
    expectSame(combined, direct)
    // What came of MLX and what is still of MLX are combined too.
    try await run.combine(run.recipe("concatenate", [("out", ""), ("m", "")]), into: "both")
    let both = try await AdapterFixtures.apply(
      [(run.folder.appending("both"), 1)], dtype: .float64, to: base
    ).tensors
    let expected = try await AdapterFixtures.apply([(m, 1.5)], dtype: .float64, to: base).tensors
    expectSame(both, expected)
  }

  private func expectSame(_ left: [String: TestTensor], _ right: [String: TestTensor]) {
    for (name, tensor) in right {
      let pairs = zip(left[name]?.values ?? [], tensor.values)
      #expect(left[name]?.shape == tensor.shape)
      #expect(pairs.allSatisfy { abs($0 - $1) < 1e-6 }, "\(name)")
    }
  }

  // MARK: Layouts and faults

  @Test func `the layout of the adapters is kept, and told where it is the old one`() async throws {
    var old = TestAdapter([])
    old.addExperts(Self.down, (3, 4, 4))
    old.settings["peft_version"] = "\"0.18.0\""
    try run.write(old, "old")
    let summary = try await run.combine(run.recipe("concatenate", [("old", "")]))
    #expect(try config()["peft_version"] as? String == "0.18.0")
    #expect(
      summary.remarks.map(\.description) == [
        """
        note: the factors of packed experts are laid out as PEFT did before version 0.19, and so is \
        the result: later versions load it only for models that store experts as in x out
        hint: Sinter applies it, and so does PEFT 0.18
        """
      ])
    let faults = await run.faults(run.recipe("concatenate", [("old", ""), ("a", "")]))
    #expect(
      faults == [
        """
        old/adapter_model.safetensors: error: the factors of packed experts are laid out as PEFT \
        did before version 0.19, those of 'a' as it does since
        hint: merge models instead: a recipe of 'BASE+ADAPTER' models applies it to the weights
        """
      ])
  }

  @Test func `experts that differ in number, and weights stored as in x out`() async throws {
    var four = TestAdapter([])
    four.addExperts(Self.down, (4, 5, 4))
    try run.write(four, "four")
    #expect(
      await run.faults(run.recipe("concatenate", [("a", ""), ("four", "")])) == [
        """
        four/adapter_model.safetensors: error: 'l.0.experts.down_proj': the factors A [8, 4] and B \
        [5, 8] are for 4 experts of 4 inputs and 5 outputs, those of 'a' for 3 experts of 4 inputs \
        and 5 outputs
        hint: combine adapters of one base model
        """
      ])
    var turned = TestAdapter([("l.0.k", 4, 5)])
    turned.settings["fan_in_fan_out"] = "true"
    try run.write(turned, "turned")
    #expect(
      await run.faults(run.recipe("concatenate", [("a", ""), ("turned", "")])) == [
        """
        turned/adapter_model.safetensors: error: an adapter of PEFT cannot have factors of packed \
        experts, which 'a' has, and 'fan_in_fan_out'
        hint: merge models instead: a recipe of 'BASE+ADAPTER' models applies it to the weights
        """
      ])
  }

  @Test func `too little memory names the experts`() async throws {
    var adapter = TestAdapter([])
    adapter.addExperts(Self.down, (64, 30_000, 3), rank: 2)
    try run.write(adapter, "large")
    let recipe = run.recipe("ties", [("large", "density: 0.5")])
    let faults = await run.faults(recipe, CombinationOptions(memory: 64 << 20))
    #expect(faults.count == 1)
    #expect(
      faults.first?.hasPrefix(
        "error: 'l.0.experts.down_proj' (64 x 30000 x 3, ranks that sum to 2) needs ") == true,
      "\(faults)")
    // Side by side only one expert at a time is worked on.
    try run.plan(
      run.recipe("concatenate", [("large", "")]), CombinationOptions(memory: 64 << 20))
  }

  // MARK: Bytes

  @Test(arguments: [
    ("concatenate", CombinationOptions()), ("concatenate", CombinationOptions(rank: 2)),
    ("ties", CombinationOptions(energy: 0.8)), ("dare_linear", CombinationOptions(rank: 3)),
  ])
  func `threads and memory change no byte`(method: String, options: CombinationOptions) async throws
  {
    for (name, rank, seed) in [("w", 3, 7), ("x", 2, 8)] as [(String, Int, UInt64)] {
      var adapter = TestAdapter([("l.0.q", 5, 3)], rank: rank, seed: seed)
      adapter.addExperts(Self.down, (4, 70, 97), rank: rank, seed: seed)
      try run.write(adapter, name)
    }
    let density = method == "concatenate" ? "" : "density: 0.5"
    var bytes: [[UInt8]] = []
    for (threads, memory) in [(1, 512 << 20), (3, 512 << 20), (2, 72 << 20)] {
      var options = options
      options.threads = threads
      options.memory = memory
      try await run.combine(run.recipe(method, [("w", density), ("x", density)]), options)
      bytes.append(try run.folder.bytes("out/adapter_model.safetensors"))
    }
    #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
  }
}
