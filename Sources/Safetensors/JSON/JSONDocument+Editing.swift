/// Edits: each makes a new document whose bytes differ only where the edit says.
extension JSONDocument {
  /// Replaces a value that the document has.
  ///
  /// - Throws: ``JSONError`` of code `noSuchValue` when the path leads nowhere.
  package func replacing(
    _ path: [Step], with text: JSONText
  ) throws(JSONError) -> JSONDocument {
    guard let old = value(at: path) else { throw noSuchValue(path) }
    return try splicing(old.range, with: encoded(text, at: old))
  }

  /// Replaces the value of a member, or adds the member after its last sibling.
  ///
  /// A new member is set off by the same white space as the member before it.
  ///
  /// - Throws: ``JSONError`` of code `noSuchValue` when there is no object to hold the member.
  package func setting(_ path: [Step], to text: JSONText) throws(JSONError) -> JSONDocument {
    if value(at: path) != nil { return try replacing(path, with: text) }
    guard case .key(let key) = path.last, let parent = value(at: path.dropLast()),
      let members = parent.object
    else { throw noSuchValue(path) }

    var inserted: [UInt8] = []
    guard let last = members.last else {
      // An empty object: its member stands on a line of its own when the document has lines.
      let outer = bytes.contains(0x0A) ? newline + indentation(at: parent.range.lowerBound) : []
      let inner = outer.isEmpty ? [] : outer + indentationUnit
      inserted.append(UInt8(ascii: "{"))
      inserted += inner
      JSONText.append(string: key, to: &inserted)
      inserted += Array(": ".utf8)
      text.append(to: &inserted, style: style(newline: inner))
      inserted += outer
      inserted.append(UInt8(ascii: "}"))
      return try splicing(parent.range, with: inserted)
    }
    let previousEnd =
      members.count > 1
      ? afterComma(members[members.count - 2].value.range.upperBound)
      : parent.range.lowerBound + 1
    let lead = Array(bytes[previousEnd..<last.keyRange.lowerBound])
    inserted.append(UInt8(ascii: ","))
    inserted += lead
    JSONText.append(string: key, to: &inserted)
    inserted += bytes[last.keyRange.upperBound..<last.value.range.lowerBound]
    let line = lead.contains(0x0A) ? newline + indentation(at: last.keyRange.lowerBound) : []
    text.append(to: &inserted, style: style(newline: line))
    let end = last.value.range.upperBound
    return try splicing(end..<end, with: inserted)
  }

  /// Takes a member out of its object, with its comma and the white space before it.
  ///
  /// - Throws: ``JSONError`` of code `noSuchValue` when there is no such member.
  package func removing(_ path: [Step]) throws(JSONError) -> JSONDocument {
    guard case .key(let key) = path.last, let parent = value(at: path.dropLast()),
      let members = parent.object,
      let position = members.firstIndex(where: { ExactName($0.key) == ExactName(key) })
    else { throw noSuchValue(path) }
    let member = members[position]
    if members.count == 1 {
      return try splicing(parent.range, with: Array("{}".utf8))
    }
    if position > 0 {
      let start = members[position - 1].value.range.upperBound
      return try splicing(start..<member.value.range.upperBound, with: [])
    }
    // The first member: what stood before it now stands before the second.
    let next = members[1].keyRange.lowerBound
    return try splicing(member.keyRange.lowerBound..<next, with: [])
  }

  // MARK: Inside

  private func splicing(
    _ range: Range<Int>, with replacement: [UInt8]
  ) throws(JSONError) -> JSONDocument {
    var edited = bytes
    edited.replaceSubrange(range, with: replacement)
    return try JSONDocument(parsing: edited, dialect: dialect)
  }

  private func noSuchValue(_ path: [Step]) -> JSONError {
    let place = path.map { $0.description }.joined(separator: ", ")
    return JSONError(code: .noSuchValue, offset: 0, detail: "there is nothing at [\(place)]")
  }

  /// A new value in the manner of the one that it replaces.
  private func encoded(_ text: JSONText, at old: JSONValue) -> [UInt8] {
    let isFilled = !(old.array ?? []).isEmpty || !(old.object ?? []).isEmpty
    let hasLines = (isFilled ? bytes[old.range] : bytes[...]).contains(0x0A)
    var encoded: [UInt8] = []
    let line = hasLines ? newline + indentation(at: old.range.lowerBound) : []
    text.append(to: &encoded, style: style(newline: line))
    return encoded
  }

  private func style(newline: [UInt8]) -> JSONText.Style {
    newline.isEmpty ? .compact : .lines(newline: newline, indentation: indentationUnit)
  }

  private var newline: [UInt8] {
    guard let feed = bytes.firstIndex(of: 0x0A), feed > 0, bytes[feed - 1] == 0x0D else {
      return [0x0A]
    }
    return [0x0D, 0x0A]
  }

  /// What the first member or element of the document is indented by; two spaces otherwise.
  private var indentationUnit: [UInt8] {
    let first = root.object?.first?.keyRange ?? root.array?.first?.range
    guard let first, bytes[root.range.lowerBound..<first.lowerBound].contains(0x0A) else {
      return [0x20, 0x20]
    }
    return indentation(at: first.lowerBound)
  }

  /// The white space at the start of the line of a byte.
  private func indentation(at offset: Int) -> [UInt8] {
    let start = bytes[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return Array(bytes[start..<offset].prefix { $0 == 0x20 || $0 == 0x09 })
  }

  private func afterComma(_ offset: Int) -> Int {
    (bytes[offset...].firstIndex(of: UInt8(ascii: ",")) ?? offset) + 1
  }
}
