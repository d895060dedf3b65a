/// Why a file could not be read or written: which file, which tensor, what was found.
///
/// The text is one line, such as `'model.safetensors': tensor 'a.weight': unknown dtype 'F33'`. It
/// may change between versions; programs decide by ``code``.
public struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of fault.
  public let code: Code
  /// The path of the file or folder, as it was given.
  public let file: String
  /// The tensor at fault, when there is one.
  public let tensor: String?
  /// What is wrong, without file, tensor and hint.
  public let detail: String
  /// What the reader could do about it.
  public let hint: String?

  init(code: Code, file: String, tensor: String? = nil, detail: String, hint: String? = nil) {
    self.code = code
    self.file = file
    self.tensor = tensor
    self.detail = detail
    self.hint = hint
  }

  /// File, tensor, detail and hint in one line.
  ///
  /// Names come from strangers: control characters are written as escapes, so that no name can
  /// steer a terminal, and a text of more than 2,000 characters is cut.
  public var description: String {
    var text = "'\(file)': "
    if let tensor { text += "tensor '\(tensor)': " }
    text += detail
    if let hint { text += "; \(hint)" }
    return Self.printable(text)
  }

  private static func printable(_ text: String) -> String {
    var output = ""
    for (position, scalar) in text.unicodeScalars.enumerated() {
      if position == 2000 { return output + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        output += "\\u{\(String(scalar.value, radix: 16))}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// The same error, said of a tensor; one that is said of a tensor already stays so, since whoever
  /// was nearer knows better which one it is.
  package func naming(_ tensor: String) -> SafetensorsError {
    SafetensorsError(
      code: code, file: file, tensor: self.tensor ?? tensor, detail: detail, hint: hint)
  }
}

extension SafetensorsError {
  /// A kind of fault; new ones may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The name of the kind, such as `truncated`.
    public let description: String

    private init(_ name: String) { description = name }
  }
}

/// Faults of a header.
extension SafetensorsError.Code {
  /// The file is shorter than the eight bytes that give the length of the header.
  public static let fileTooShort = Self("fileTooShort")
  /// The header is longer than the 100,000,000 bytes that the format allows.
  public static let headerTooLong = Self("headerTooLong")
  /// The header is longer than the file.
  public static let headerBeyondFile = Self("headerBeyondFile")
  /// The header is not UTF-8.
  public static let headerNotUTF8 = Self("headerNotUTF8")
  /// The header is not JSON.
  public static let headerNotJSON = Self("headerNotJSON")
  /// The header is JSON but not an object.
  public static let headerNotObject = Self("headerNotObject")
  /// A name comes twice.
  public static let duplicateName = Self("duplicateName")
  /// The name belongs to the format and cannot be a tensor's.
  public static let reservedName = Self("reservedName")
  /// `__metadata__` is not a map of strings to strings.
  public static let malformedMetadata = Self("malformedMetadata")
  /// The entry of a tensor lacks a key, has one too many, or has a value of the wrong kind.
  public static let malformedTensor = Self("malformedTensor")
  /// The dtype is none of the format's.
  public static let unknownDType = Self("unknownDType")
  /// A number is negative, not an integer or too large.
  public static let invalidNumber = Self("invalidNumber")
  /// The number of elements or bytes does not fit in 64 bits.
  public static let sizeOverflow = Self("sizeOverflow")
  /// The elements do not fill whole bytes.
  public static let partialByte = Self("partialByte")
  /// The data ends before it starts.
  public static let offsetsReversed = Self("offsetsReversed")
  /// The data is not as long as dtype and shape say.
  public static let sizeMismatch = Self("sizeMismatch")
  /// Bytes between two tensors belong to neither.
  public static let hole = Self("hole")
  /// Bytes belong to two tensors.
  public static let overlap = Self("overlap")
  /// The data goes on beyond the end of the file.
  public static let truncated = Self("truncated")
  /// The file goes on beyond the end of the data.
  public static let trailingBytes = Self("trailingBytes")
}

/// Faults of files and folders.
extension SafetensorsError.Code {
  /// There is no such file or folder.
  public static let notFound = Self("notFound")
  /// The system refuses access.
  public static let permissionDenied = Self("permissionDenied")
  /// What is to be created is there already.
  public static let alreadyExists = Self("alreadyExists")
  /// A regular file was expected.
  public static let notFile = Self("notFile")
  /// A folder was expected.
  public static let notFolder = Self("notFolder")
  /// A small file is larger than its limit.
  public static let fileTooLarge = Self("fileTooLarge")
  /// The file became shorter while it was read.
  public static let fileShrank = Self("fileShrank")
  /// The file system or the quota has no room left.
  public static let diskFull = Self("diskFull")
  /// The system failed to read or write for another reason.
  public static let systemFailure = Self("systemFailure")
  /// A path is absolute, leaves its folder or holds a NUL.
  public static let unsafePath = Self("unsafePath")
  /// The writer was finished before all data was written.
  public static let incomplete = Self("incomplete")
  /// A shard index does not have the form of one.
  public static let malformedIndex = Self("malformedIndex")
}
