import Safetensors
import SinterTensors

extension Checkpoint {
  /// The same checkpoint with adapters applied: its tensors yield updated values when they are read.
  ///
  /// Reads factors of the adapters until one is not zero, and of an adapter that stores both ends of
  /// a tied pair the two tables, a piece at a time.
  ///
  /// - Parameters:
  ///   - adapters: the adapters and their weights.
  ///   - name: how messages name the model.
  ///   - ties: what is done when one use of a tied tensor is changed.
  /// - Returns: the checkpoint.
  /// - Throws: ``DiagnosticError`` with everything that does not fit: updates that reach no tensor,
  ///   shapes that disagree, adapters that change nothing, and a tied pair of which one end is
  ///   changed when `ties` is ``TiedPairPolicy/refuse``.
  public func applying(
    _ adapters: [WeightedAdapter], named name: String? = nil, ties: TiedPairPolicy = .refuse
  ) throws(DiagnosticError) -> Checkpoint {
    var application = AdapterApplication(self, named: name ?? path)
    for adapter in adapters { application.add(adapter) }
    return try application.checkpoint(ties: ties)
  }
}

/// Finds for adapters the tensors that they change, and keeps account of every update.
struct AdapterApplication {
  let base: Checkpoint
  let name: String
  /// What each adapter does, by the name of the model's tensor.
  var parts: [String: [TensorUpdate.Part]] = [:]
  /// What would be done to an output head that the file does not store, because it is tied.
  var headParts: [TensorUpdate.Part] = []
  var applied: [AppliedAdapter] = []
  var faults: [Diagnostic] = []
  var remarks: [Diagnostic] = []
  let pair: TiedPair?
  private let experts: ExpertNames
  /// What the updates of the adapter that is being added change, by the name of the tensor.
  private var claims: [String: [UpdateClaim]] = [:]

  init(_ base: Checkpoint, named name: String) {
    self.base = base
    self.name = name
    pair = TiedPair(base)
    experts = ExpertNames(base)
  }

  // MARK: - Adding

  /// Adds an adapter.
  mutating func add(_ weighted: WeightedAdapter) {
    let adapter = weighted.adapter
    let all = AdapterTarget.targets(of: adapter)
    let alignment = AdapterAlignment(all, to: base)
    // An adapter has a bias of B for each of its modules or for none, so that those of modules
    // without a bias are there and stay zero.
    let targets = all.filter { target in
      guard alignment.tensors[target.name] == nil, case .addition(_, let bias) = target.action
      else { return true }
      return !adapter.isZero(bias)
    }
    let squares = SquareOrientation(
      adapter,
      found: adapter.modules.compactMap { module in
        alignment.tensors[module.target].map { (module, module.orientations(in: $0.shape)) }
      }, modelType: base.configuration?.modelType)
    let named = experts.stacks(namedBy: adapter.modules.lazy.map(\.name))
    claims = [:]
    var reached: [[String]] = []
    var lines: [String] = []
    for target in targets {
      do throws(Misfit) {
        if let tensor = alignment.tensors[target.name] {
          reached.append(try add(target, tensor, weighted, squares))
        } else if let pair, let head = tiedHead(target) {
          try claim(pair.headName, UpdateClaim(target))
          try change(&headParts, target, head, weighted, squares)
          reached.append([pair.headName])
        } else {
          guard case .product(let module) = target.action,
            let match = experts.match(
              module, names: alignment.names(of: module.name), taken: named, squares)
          else { throw Misfit(text: "the model has no such tensor") }
          reached.append(try add(target, match, weighted))
        }
      } catch {
        lines.append("\(target.name): \(error.text)")
      }
    }
    report(lines, of: targets.count, weighted)
    if lines.isEmpty, adapter.changesNothing {
      faults.append(
        Diagnostic(
          file: adapter.path, "the adapter changes nothing: all its updates are zero",
          hint: "it was saved before it was trained, or its weights were lost"))
    }
    remarks += adapter.remarks
    applied.append(
      AppliedAdapter(
        name: weighted.name, weight: weighted.weight, adapter: adapter, updates: reached))
  }

  /// Why an update does not fit the model.
  private struct Misfit: Error {
    let text: String
  }

  /// The tensor that stands for an output head which the file does not store.
  private func tiedHead(_ target: AdapterTarget) -> CheckpointTensor? {
    guard let pair, pair.head == nil, TensorRole(target.name) == .outputHead,
      target.fits(pair.embedding.shape)
    else { return nil }
    return pair.embedding
  }

  /// Adds an update of experts that the file holds in another form, and returns the names of the
  /// tensors that it reaches.
  private mutating func add(
    _ target: AdapterTarget, _ match: ExpertNames.Match, _ weighted: WeightedAdapter
  ) throws(Misfit) -> [String] {
    switch match {
    case .pieces(let pieces):
      for piece in pieces {
        try claim(piece.tensor.name, UpdateClaim(target, piece.product))
        let place = Self.place(
          of: applied.count, in: &parts[piece.tensor.name, default: []], weighted)
        parts[piece.tensor.name]?[place].products.append(piece.product)
      }
      return pieces.map(\.tensor.name)
    case .several(let names):
      let list = names.map { "'\($0)'" }.joined(separator: " and ")
      throw Misfit(text: "the model has no such tensor, and experts that fit in \(list)")
    }
  }

  /// Adds one update of a tensor, and returns its name.
  private mutating func add(
    _ target: AdapterTarget, _ tensor: CheckpointTensor, _ weighted: WeightedAdapter,
    _ squares: SquareOrientation
  ) throws(Misfit) -> [String] {
    guard tensor.dtype.isFloatingPoint else {
      throw Misfit(text: "the model's tensor holds \(tensor.dtype.rawValue), not real numbers")
    }
    guard target.fits(tensor.shape) || resizes(target, tensor) else {
      throw Misfit(
        text: "the adapter is for \(target.expectation), the model's tensor is \(tensor.shape)")
    }
    try claim(tensor.name, UpdateClaim(target))
    try change(&parts[tensor.name, default: []], target, tensor, weighted, squares)
    return [tensor.name]
  }

  /// Sees to it that no other update of the adapter changes the same.
  private mutating func claim(_ tensor: String, _ claim: UpdateClaim) throws(Misfit) {
    if let other = claims[tensor]?.first(where: { claim.contradicts($0) }) {
      throw Misfit(
        text: other.target == claim.target
          ? "it is changed twice" : "it would change '\(tensor)', as '\(other.target)' does")
    }
    claims[tensor, default: []].append(claim)
  }

  /// Notes what an adapter does to a tensor.
  private func change(
    _ list: inout [TensorUpdate.Part], _ target: AdapterTarget, _ tensor: CheckpointTensor,
    _ weighted: WeightedAdapter, _ squares: SquareOrientation
  ) throws(Misfit) {
    let place = Self.place(of: applied.count, in: &list, weighted)
    switch target.action {
    case .product(let module):
      let rows = TensorUpdate.extents(
        of: tensor.shape, isConvolution: module.kind == .convolution
      ).rows
      let isTransposed = squares.isTransposed(module, module.orientations(in: tensor.shape))
      list[place].products.append(
        TensorUpdate.Product(
          module: module, isTransposed: isTransposed, expert: module.experts > 1 ? nil : 0,
          slice: 0..<(isTransposed ? module.inputs : module.outputs), rows: 0..<rows))
    case .addition(let module, let bias): list[place].addition = (bias, module.scale)
    case .replacement(let own): list[place].replacement = own
    case .rows(let rows): list[place].rows = rows
    }
    let part = list[place]
    if part.rows != nil, part.replacement != nil || !part.products.isEmpty {
      throw Misfit(text: "rows of tokens and the whole table are both changed, in unknown order")
    }
  }

  /// The place of an adapter's part, which is made when there is none.
  private static func place(
    of adapter: Int, in list: inout [TensorUpdate.Part], _ weighted: WeightedAdapter
  ) -> Int {
    if let place = list.firstIndex(where: { $0.adapter == adapter }) { return place }
    list.append(
      TensorUpdate.Part(
        adapter: adapter, file: weighted.adapter.file.input, weight: weighted.weight))
    return list.count - 1
  }

  /// Joins all that does not fit of one adapter to one error.
  private mutating func report(_ lines: [String], of count: Int, _ weighted: WeightedAdapter) {
    guard !lines.isEmpty else { return }
    let shown = lines.prefix(20).map { "\n  " + $0 }.joined()
    let rest = lines.count > 20 ? "\n  and \(lines.count - 20) more" : ""
    let noun = count == 1 ? "update" : "updates"
    faults.append(
      Diagnostic(
        file: weighted.adapter.path,
        "\(lines.count) of \(count) \(noun) of the adapter do not fit the model '\(name)':" + shown
          + rest,
        hint: weighted.adapter.configuration.baseModel.map {
          "the adapter was trained on '\($0)'"
        }))
  }

  // MARK: - Result

  /// The checkpoint with all that was added.
  func checkpoint(ties: TiedPairPolicy) throws(DiagnosticError) -> Checkpoint {
    guard faults.isEmpty else { throw DiagnosticError(faults) }
    let outcome = try resolvedPair(ties)
    var tensors: [CheckpointTensor] = []
    for tensor in base.tensors {
      tensors.append(try updated(tensor, outcome.parts[tensor.name] ?? []))
    }
    if let head = outcome.newHead { tensors.append(try updated(head, outcome.newHeadParts)) }
    var configuration = outcome.configuration ?? base.configuration
    let resizing = try resizing(tensors)
    if let resizing {
      configuration = try configuration?.settingVocabulary(from: resizing.old, to: resizing.new)
    }
    return try Checkpoint(
      path: base.path, files: base.files, tensors: tensors, configuration: configuration,
      sideFiles: base.sideFiles,
      remarks: base.remarks + remarks + outcome.remarks + (resizing.map { [$0.remark] } ?? []),
      adapters: outcome.newHead == nil ? applied.map(changingEmbedding) : applied)
  }

  /// An adapter whose update of a head that is not stored is one of the embedding.
  private func changingEmbedding(_ adapter: AppliedAdapter) -> AppliedAdapter {
    guard let pair, pair.head == nil else { return adapter }
    return AppliedAdapter(
      name: adapter.name, weight: adapter.weight, adapter: adapter.adapter,
      updates: adapter.updates.map { $0 == [pair.headName] ? [pair.embedding.name] : $0 })
  }
}

extension TensorUpdate {
  convenience init(_ parts: [Part], _ shape: Shape) {
    let isConvolution = parts.contains { part in
      part.products.contains { $0.module.kind == .convolution }
    }
    let (rows, columns) = Self.extents(of: shape, isConvolution: isConvolution)
    self.init(parts: parts, rows: rows, columns: columns)
  }

  /// The extents of a tensor as a matrix.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - isConvolution: whether channels and kernel are columns. Otherwise a tensor of more than two
  ///     axes is a stack of matrices, as packed experts are: a matrix of all their rows.
  /// - Returns: the extents; a vector has one row.
  static func extents(of shape: Shape, isConvolution: Bool) -> (rows: Int, columns: Int) {
    let dimensions = shape.dimensions
    guard let first = dimensions.first, let last = dimensions.last else { return (1, 1) }
    if dimensions.count == 1 { return (1, first) }
    return isConvolution
      ? (first, dimensions.dropFirst().reduce(1, *)) : (dimensions.dropLast().reduce(1, *), last)
  }
}

extension Adapter {
  /// Whether every update is zero, so that applying the adapter would give the model itself.
  ///
  /// Reads factors until it finds one that is not zero: of a trained adapter, the first.
  var changesNothing: Bool {
    guard replacements.isEmpty, tokenRows.isEmpty, !configuration.usesMagnitudes else {
      return false
    }
    return modules.allSatisfy { module in
      module.bias == nil && (module.scale == 0 || isZero(module.b) || isZero(module.a))
    }
  }

  /// Whether all values of a tensor are zero; `false` when it cannot be read, which is told when the
  /// adapter is applied.
  fileprivate func isZero(_ tensor: CheckpointTensor) -> Bool {
    (try? StoredTensor(file: file.input, tensor: tensor).isZero()) ?? false
  }
}
