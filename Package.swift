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
  products: [
    .library(name: "Sinter", targets: ["Sinter", "SinterTensors"]),
    .library(name: "SinterCommands", targets: ["SinterCommands"]),
    .library(name: "Safetensors", targets: ["Safetensors", "SinterTensors"]),
    .executable(name: "sinter", targets: ["SinterMain"]),
  ],
  dependencies: [
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    // Loops that need instructions which Swift cannot choose for single functions.
    .target(name: "CSinterKernels"),
    .target(
      name: "SinterTensors", dependencies: ["CSinterKernels"], swiftSettings: strict),
    .target(name: "Safetensors", dependencies: ["SinterTensors"], swiftSettings: strict),
    .target(
      name: "Sinter",
      dependencies: [
        "SinterTensors", "Safetensors",
        .product(name: "Yams", package: "Yams"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict),
    .target(
      name: "SinterCommands",
      dependencies: [
        "Sinter", "Safetensors", "SinterTensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "SinterMain",
      dependencies: [
        "SinterCommands", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "SinterCommandsTests",
      dependencies: ["SinterCommands", "Sinter", "SinterMain", "Safetensors", "SinterTensors"],
      resources: [.copy("Snapshots")], swiftSettings: strict),
    .testTarget(
      name: "SinterTests", dependencies: ["Sinter", "Safetensors", "SinterTensors"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "SinterTensorsTests", dependencies: ["SinterTensors"], swiftSettings: strict),
    .testTarget(
      name: "SafetensorsTests", dependencies: ["Safetensors", "SinterTensors"],
      swiftSettings: strict),
  ]
)
