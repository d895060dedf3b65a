// swift-tools-version: 6.3
import PackageDescription

/// Every Swift target is held to the same rules: no unmarked unsafe code, no implicit
/// existentials, imports that say what they expose, and no warnings.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "sinter",
  platforms: [.macOS(.v15)],
  targets: [
    .target(name: "SinterTensors", swiftSettings: strict),
    .target(name: "Safetensors", dependencies: ["SinterTensors"], swiftSettings: strict),
    .testTarget(
      name: "SinterTensorsTests", dependencies: ["SinterTensors"], swiftSettings: strict),
    .testTarget(
      name: "SafetensorsTests", dependencies: ["Safetensors", "SinterTensors"],
      swiftSettings: strict),
  ]
)
