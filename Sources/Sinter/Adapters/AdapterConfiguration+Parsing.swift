import Safetensors

extension AdapterConfiguration {
  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - bytes: the text of the file.
  ///   - file: the file, as messages name it.
  /// - Throws: ``DiagnosticError`` with everything in it that is wrong, or that would change the
  ///   arithmetic in a way that is not supported.
  init(_ bytes: [UInt8], file: String) throws(DiagnosticError) {
    let document: JSONDocument
    do throws(JSONError) {
      document = try JSONDocument(parsing: bytes, dialect: .python)
    } catch {
      throw DiagnosticError([Diagnostic(file: file, "the configuration is not JSON: \(error)")])
    }
    guard document.root.object != nil else {
      throw DiagnosticError([Diagnostic(file: file, "the configuration is not a JSON object")])
    }
    var reader = AdapterConfigurationReader(document, file: file)
    let isMLX = document["lora_parameters"] != nil || document["fine_tune_type"] != nil
    let type = document["peft_type"]
    if type == nil, !isMLX {
      reader.fail(
        "neither 'peft_type' (PEFT) nor 'lora_parameters' (MLX) says what kind of adapter this is")
    }
    let configuration = type == nil && isMLX ? reader.mlx() : reader.peft()
    guard reader.faults.isEmpty, let configuration else { throw DiagnosticError(reader.faults) }
    self = configuration
  }
}

/// Reads the members of a configuration and notes what is wrong with any.
struct AdapterConfigurationReader {
  let document: JSONDocument
  let file: String
  var faults: [Diagnostic] = []

  init(_ document: JSONDocument, file: String) {
    self.document = document
    self.file = file
  }

  mutating func fail(_ message: String, hint: String? = nil) {
    faults.append(Diagnostic(file: file, message, hint: hint))
  }

  // MARK: Values

  /// A member, `nil` when it is missing or null.
  func member(_ key: String) -> JSONValue? {
    document[key].flatMap { $0.isNull ? nil : $0 }
  }

  mutating func wrong(_ key: String, _ expected: String, _ value: JSONValue) {
    fail("'\(key)' must be \(expected), found \(document.text(of: value).prefix(60))")
  }

  mutating func flag(_ key: String) -> Bool {
    guard let value = member(key) else { return false }
    guard let flag = value.bool else {
      wrong(key, "true or false", value)
      return false
    }
    return flag
  }

  mutating func text(_ key: String) -> String? {
    guard let value = member(key) else { return nil }
    guard let text = value.string else {
      wrong(key, "text", value)
      return nil
    }
    return text
  }

  /// A rank: a whole number of at least 1.
  mutating func wholeNumber(_ value: JSONValue, _ key: String) -> Int? {
    guard let rank = value.int, rank >= 1 else {
      wrong(key, "a whole number from 1 on", value)
      return nil
    }
    return rank
  }

  mutating func realNumber(_ value: JSONValue, _ key: String) -> Double? {
    guard let number = value.double else {
      wrong(key, "a finite number", value)
      return nil
    }
    return number
  }

  /// A list of names; one name may stand alone.
  mutating func names(_ key: String) -> [String] {
    guard let value = member(key) else { return [] }
    if let name = value.string { return [name] }
    let names = value.array?.compactMap(\.string)
    guard let names, names.count == value.array?.count else {
      wrong(key, "a list of names", value)
      return []
    }
    return names
  }

  mutating func patterns<Value>(
    _ key: String, _ read: (inout Self, JSONValue, String) -> Value?
  ) -> [AdapterConfiguration.PatternedValue<Value>] {
    guard let value = member(key) else { return [] }
    guard let members = value.object else {
      wrong(key, "a map from patterns to numbers", value)
      return []
    }
    return members.compactMap { member in
      do throws(AdapterPattern.Fault) {
        let pattern = try AdapterPattern(member.key)
        return read(&self, member.value, "\(key).\(member.key)").map {
          AdapterConfiguration.PatternedValue(pattern: pattern, value: $0)
        }
      } catch {
        fail("the pattern '\(member.key)' of '\(key)' is no regular expression")
        return nil
      }
    }
  }
}
