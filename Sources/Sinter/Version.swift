/// The version of the library and of the program.
public enum SinterVersion {
  /// The version, as released.
  public static let current = "0.1.0"
}
