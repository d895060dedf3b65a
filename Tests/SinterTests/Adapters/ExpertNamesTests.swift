import SinterTensors
import Testing

@testable import Sinter

/// Adapters for experts in one form on files that hold them in another.
@Suite struct ExpertNamesTests {
  private static let (experts, hidden, inner, rank) = (3, 4, 5, 2)
  private let merge: TestMerge

  init() throws {
    merge = try TestMerge()
  }

  private func run(_ adapter: TestAdapter, _ base: [TestTensor]) async throws -> [String:
    TestTensor]
  {
    try merge.model("base", base)
    try adapter.write(to: merge.folder.appending("a"))
    let tensors = try await merge.run(
      "merge_method: passthrough\nmodels: [{model: base+a}]\ndtype: float64")
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  /// An adapter of packed experts, in PEFT's layout since 0.19 or the one before it.
  private func packed(isOld: Bool) -> TestAdapter {
    var adapter = TestAdapter([])
    adapter.settings["target_parameters"] =
      #"["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]"#
    adapter.settings["peft_version"] = isOld ? #""0.18.0""# : #""0.21.0""#
    let owner = "base_model.model.model.layers.0.mlp.experts"
    let ranks = Self.rank * Self.experts
    let sizes = [
      ("\(owner).base_layer", 2 * Self.inner, Self.hidden), (owner, Self.hidden, Self.inner),
    ]
    adapter.extra = sizes.flatMap { name, outputs, inputs in
      [
        TestTensor(
          name + ".lora_A.weight", .float32, [ranks, isOld ? outputs : inputs], seed: 1, scale: 1),
        TestTensor(
          name + ".lora_B.weight", .float32, [isOld ? inputs : outputs, ranks], seed: 1, scale: 1),
      ]
    }
    return adapter
  }

  /// What an adapter of packed experts adds to the matrix of one, outputs x inputs.
  private func update(_ adapter: TestAdapter, _ pair: Int, _ expert: Int, isOld: Bool) -> [[Double]]
  {
    let (a, b) = (adapter.extra[2 * pair], adapter.extra[2 * pair + 1])
    let (width, stride) = (a.shape[1], b.shape[1])
    func product(_ row: Int, _ column: Int) -> Double {
      (0..<Self.rank).reduce(0) { sum, k in
        sum + b.values[row * stride + k * Self.experts + expert]
          * a.values[(expert * Self.rank + k) * width + column]
      }
    }
    return isOld
      ? (0..<width).map { row in (0..<b.shape[0]).map { product($0, row) } }
      : (0..<b.shape[0]).map { row in (0..<width).map { product(row, $0) } }
  }

  private func expect(
    _ result: TestTensor?, _ base: TestTensor, plus rows: some Collection<[Double]>,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let update = rows.flatMap { $0 }
    #expect(update.count == base.values.count, sourceLocation: sourceLocation)
    let errors = zip(result?.values ?? [], zip(base.values, update)).map {
      abs($0 - ($1.0 + 2 * $1.1))
    }
    #expect(
      errors.count == update.count && (errors.max() ?? 1) < 1e-14, "\(base.name)",
      sourceLocation: sourceLocation)
  }

  @Test(
    arguments: [true, false],
    [["gate_proj", "up_proj", "down_proj"], ["w1", "w3", "w2"]])
  func `packed updates reach the tensors of single experts`(
    isOld: Bool, words: [String]
  ) async throws {
    let prefix = "model.layers.0.\(words[0] == "w1" ? "block_sparse_moe" : "mlp").experts"
    func name(_ expert: Int, _ word: Int) -> String { "\(prefix).\(expert).\(words[word]).weight" }
    let base = (0..<Self.experts).flatMap { expert in
      (0..<3).map { word in
        TestTensor(
          name(expert, word), .float32,
          word == 2 ? [Self.hidden, Self.inner] : [Self.inner, Self.hidden], seed: 4)
      }
    }
    let adapter = packed(isOld: isOld)
    let results = try await run(adapter, base)
    for expert in 0..<Self.experts {
      let inward = update(adapter, 0, expert, isOld: isOld)
      let tensors = (0..<3).map { word in base[expert * 3 + word] }
      expect(results[name(expert, 0)], tensors[0], plus: inward[..<Self.inner])
      expect(results[name(expert, 1)], tensors[1], plus: inward[Self.inner...])
      expect(
        results[name(expert, 2)], tensors[2], plus: update(adapter, 1, expert, isOld: isOld))
    }
  }

  @Test func `updates of single experts reach packed tensors`() async throws {
    let base = [
      TestTensor(
        "model.layers.0.mlp.experts.gate_up_proj", .float32,
        [Self.experts, 2 * Self.inner, Self.hidden], seed: 4),
      TestTensor(
        "model.layers.0.mlp.experts.down_proj", .float32,
        [Self.experts, Self.hidden, Self.inner], seed: 4),
    ]
    let prefix = "model.layers.0.mlp.experts"
    let adapter = TestAdapter([
      ("\(prefix).1.gate_proj", Self.inner, Self.hidden),
      ("\(prefix).2.up_proj", Self.inner, Self.hidden),
      ("\(prefix).0.down_proj", Self.hidden, Self.inner),
    ])
    let results = try await run(adapter, base)
    func rows(_ place: Int, _ width: Int) -> [[Double]] {
      let product = TestAdapter.product(adapter.modules[place])
      return stride(from: 0, to: product.count, by: width).map { Array(product[$0..<$0 + width]) }
    }
    let none = [[Double]](
      repeating: Array(repeating: 0, count: Self.hidden), count: 2 * Self.inner)
    let half = Array(none[..<Self.inner])
    expect(
      results[base[0].name], base[0],
      plus: none + rows(0, Self.hidden) + half + half + rows(1, Self.hidden))
    let empty = [[Double]](
      repeating: Array(repeating: 0, count: Self.inner), count: 2 * Self.hidden)
    expect(results[base[1].name], base[1], plus: rows(2, Self.inner) + empty)
  }

  @Test func `a number of experts that differs does not fit`() throws {
    let base = (0..<Self.experts + 1).flatMap { expert in
      ["gate_proj", "up_proj", "down_proj"].map { word in
        TestTensor(
          "model.layers.0.mlp.experts.\(expert).\(word).weight", .float32,
          word == "down_proj" ? [Self.hidden, Self.inner] : [Self.inner, Self.hidden], seed: 4)
      }
    }
    try merge.model("base", base)
    try packed(isOld: false).write(to: merge.folder.appending("a"))
    let faults = merge.faults("merge_method: passthrough\nmodels: [{model: base+a}]\n")
    #expect(faults.first?.contains("2 of 2 updates") == true)
  }

  // MARK: - Stacks of layers

  /// The matrices of single experts behind a prefix.
  private func single(_ prefix: String, count: Int = experts, seed: UInt64 = 4) -> [TestTensor] {
    (0..<count).flatMap { expert in
      ["gate_proj", "up_proj", "down_proj"].map { word in
        TestTensor(
          "\(prefix).experts.\(expert).\(word).weight", .float32,
          word == "down_proj" ? [Self.hidden, Self.inner] : [Self.inner, Self.hidden], seed: seed)
      }
    }
  }

  /// The matrices of all experts behind a prefix.
  private func packedTensors(_ prefix: String) -> [TestTensor] {
    [
      TestTensor(
        "\(prefix).experts.gate_up_proj", .float32, [Self.experts, 2 * Self.inner, Self.hidden],
        seed: 4),
      TestTensor(
        "\(prefix).experts.down_proj", .float32, [Self.experts, Self.hidden, Self.inner], seed: 4),
    ]
  }

  /// The names of the tensors that a merge changed.
  private func changed(_ adapter: TestAdapter, _ base: [TestTensor]) async throws -> Set<String> {
    let results = try await run(adapter, base)
    return Set(base.filter { results[$0.name]?.values != $0.values }.map(\.name))
  }

  @Test(arguments: [
    ["model.layers.0.mlp", "mtp.layers.0.mlp"], ["mtp.layers.0.mlp", "model.layers.0.mlp"],
    ["model.layers.0.block_sparse_moe", "mtp.layers.0.mlp"],
    ["mtp.layers.0.mlp", "model.layers.0.block_sparse_moe"],
  ])
  func `stacks with the same layer number are told apart`(prefixes: [String]) async throws {
    let own = try #require(prefixes.first { $0.hasPrefix("model.") })
    let changed = try await changed(
      packed(isOld: false), prefixes.flatMap { single($0) })
    #expect(changed == Set(single(own).map(\.name)))
    let one = TestAdapter([("model.layers.0.mlp.experts.1.up_proj", Self.inner, Self.hidden)])
    #expect(
      try await self.changed(one, prefixes.flatMap { packedTensors($0) })
        == ["\(own).experts.gate_up_proj"])
  }

  @Test func `other tensors of a layer of experts do not hide it`() async throws {
    let bias = TestTensor(
      "model.layers.0.mlp.experts.bias", .float32, [Self.experts], seed: 1)
    let base = [bias] + single("model.layers.0.block_sparse_moe")
    #expect(
      try await changed(packed(isOld: false), base) == Set(base.dropFirst().map(\.name)))
    let same = [bias] + single("model.layers.0.mlp")
    let own = try await changed(packed(isOld: false), same)
    #expect(own == Set(same.dropFirst().map(\.name)))
  }

  @Test func `prefixes that other modules show hold for experts too`() async throws {
    var adapter = packed(isOld: false)
    adapter.modules = TestAdapter([("model.layers.0.self_attn.q_proj", 3, 6)]).modules
    let q = TestTensor(
      "model.language_model.layers.0.self_attn.q_proj.weight", .float32, [3, 6],
      seed: 1)
    let own = single("model.language_model.layers.0.mlp")
    #expect(
      try await changed(adapter, [q] + own + single("mtp.layers.0.mlp"))
        == Set(([q] + own).map(\.name)))
  }

  @Test func `stacks that fit alike are not guessed between`() throws {
    try merge.model("base", single("encoder.layers.0.mlp") + single("decoder.layers.0.mlp"))
    try packed(isOld: false).write(to: merge.folder.appending("a"))
    let faults = merge.faults("merge_method: passthrough\nmodels: [{model: base+a}]\n")
    #expect(
      faults == [
        """
        a: error: 2 of 2 updates of the adapter do not fit the model 'base':
          model.layers.0.mlp.experts.gate_up_proj: the model has no such tensor, and experts that \
        fit in 'decoder.layers.0.mlp' and 'encoder.layers.0.mlp'
          model.layers.0.mlp.experts.down_proj: the model has no such tensor, and experts that fit \
        in 'decoder.layers.0.mlp' and 'encoder.layers.0.mlp'
        """
      ])
  }

  @Test func `experts that another update names are not taken for others`() throws {
    try merge.model("base", single("model.layers.0.mlp"))
    var adapter = packed(isOld: false)
    adapter.settings["target_parameters"] =
      #"["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]"#
    adapter.extra += adapter.extra.map {
      TestTensor(
        $0.name.split(separator: ".").map { $0 == "model" ? "mtp" : String($0) }
          .joined(separator: ".").replacing("base_model.mtp.mtp", with: "base_model.model.mtp"),
        $0.dtype, $0.shape, $0.values)
    }
    try adapter.write(to: merge.folder.appending("a"))
    let faults = merge.faults("merge_method: passthrough\nmodels: [{model: base+a}]\n")
    #expect(
      faults == [
        """
        a: error: 2 of 4 updates of the adapter do not fit the model 'base':
          mtp.layers.0.mlp.experts.gate_up_proj: the model has no such tensor
          mtp.layers.0.mlp.experts.down_proj: the model has no such tensor
        """
      ])
  }

  @Test func `two layers of an adapter are not put into one of the model`() throws {
    try merge.model("base", packedTensors("model.layers.0.mlp"))
    let modules = ["a.layers.0.mlp.experts.1.up_proj", "b.layers.0.mlp.experts.1.up_proj"]
    try TestAdapter((modules + ["b.layers.0.mlp.experts.2.up_proj"]).map { ($0, Self.inner, 4) })
      .write(to: merge.folder.appending("a"))
    let faults = merge.faults("merge_method: passthrough\nmodels: [{model: base+a}]\n")
    #expect(
      faults == [
        """
        a: error: 1 of 3 updates of the adapter do not fit the model 'base':
          b.layers.0.mlp.experts.1.up_proj.weight: it would change \
        'model.layers.0.mlp.experts.gate_up_proj', as \
        'a.layers.0.mlp.experts.1.up_proj.weight' does
        """
      ])
  }

  @Test(arguments: ["-1", "+1", "03", "1x", "3", "99999999999999999999"])
  func `what is no expert's number reaches nothing`(number: String) throws {
    try merge.model("base", packedTensors("model.layers.0.mlp"))
    try TestAdapter([
      ("model.layers.0.mlp.experts.\(number).up_proj", Self.inner, Self.hidden)
    ]).write(to: merge.folder.appending("a"))
    let faults = merge.faults("merge_method: passthrough\nmodels: [{model: base+a}]\n")
    #expect(faults.first?.contains("1 of 1 update") == true, "\(faults)")
  }
}
