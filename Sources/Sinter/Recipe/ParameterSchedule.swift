/// The place of a layer in its slice, as gradients see it.
public enum LayerFraction {
  /// The fraction for tensors that belong to no layer: embeddings, the last norm, the head.
  public static let outsideLayers = 0.0

  /// The fraction of a layer, from 0 for the first layer of a slice to 1 for its last.
  ///
  /// - Parameters:
  ///   - layer: The layer, counted from 0 within its output slice.
  ///   - count: The number of layers of the slice, at least 1.
  /// - Returns: `layer / (count - 1)`; 1 for the only layer of a slice.
  public static func of(layer: Int, count: Int) -> Double {
    count > 1 ? Double(layer) / Double(count - 1) : 1
  }
}

extension ParameterSetting {
  /// The value of the setting for one tensor.
  ///
  /// The first case whose filter fits counts, even when it has no values. A gradient of numbers is
  /// interpolated linearly; one of Booleans or words steps from value to value.
  ///
  /// - Parameters:
  ///   - kind: The type and range that the parameter has.
  ///   - tensor: The name that filters are held against: the output tensor's for
  ///     ``ParameterScope/tensor``, else the input's own tensor name.
  ///   - fraction: The layer's place in its slice, 0...1, from ``LayerFraction``.
  /// - Returns: The value, or `nil` when no case fits or the one that fits has no values, so that
  ///   the next level decides.
  /// - Throws: `RecipeFault` when a value has the wrong type or is out of range, or when a whole
  ///   number is wanted and the gradient gives a fraction.
  public func value(
    as kind: ParameterKind, for tensor: String, at fraction: Double
  ) throws(RecipeFault) -> ParameterValue? {
    guard let match = cases.first(where: { $0.matches(tensor) }) else { return nil }
    switch match.value {
    case .scalar(let scalar):
      return try scalar.value.value(as: kind, of: name.value, at: scalar.position)
    case .gradient(let scalars):
      var values: [ParameterValue] = []
      for scalar in scalars {
        values.append(try scalar.value.value(as: kind, of: name.value, at: scalar.position))
      }
      return try value(of: values, at: fraction, position: match.position)
    }
  }

  /// Whether some tensor may get a value; `false` when every case is an empty gradient.
  ///
  /// A setting without cases was faulty, which has been told: it is not missing as well.
  package var mayGiveValue: Bool {
    cases.isEmpty || cases.contains { !$0.value.scalars.isEmpty }
  }

  private func value(
    of values: [ParameterValue], at fraction: Double, position: SourcePosition
  ) throws(RecipeFault) -> ParameterValue? {
    guard let last = values.indices.last else { return nil }
    let place = min(max(fraction, 0), 1) * Double(last)
    let lower = Int(place)
    let upper = min(lower + 1, last)
    let part = place - Double(lower)
    switch (values[lower], values[upper]) {
    case (.number(let a), .number(let b)):
      return .number(Self.interpolate(a, b, part))
    case (.integer(let a), .integer(let b)):
      let exact = Self.interpolate(Double(a), Double(b), part)
      let whole = exact.rounded()
      guard abs(exact - whole) <= 1e-9 * max(1, abs(whole)), let value = Int(exactly: whole)
      else {
        throw RecipeFault(
          at: position,
          "'\(name.value)' must be a whole number, its gradient gives "
            + ParameterValue.number(exact).description,
          hint: "give one value, or a list that meets whole numbers at every layer")
      }
      return .integer(value)
    default:
      return values[lower]
    }
  }

  /// `(1 - part) a + part b`, kept between `a` and `b` whatever the rounding.
  private static func interpolate(_ a: Double, _ b: Double, _ part: Double) -> Double {
    min(max((1 - part) * a + part * b, min(a, b)), max(a, b))
  }
}
