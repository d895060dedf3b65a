// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "custom-method",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "sinter", path: "../..")],
  targets: [
    .executableTarget(
      name: "custom-sinter",
      dependencies: [
        .product(name: "Sinter", package: "sinter"),
        .product(name: "SinterCommands", package: "sinter"),
      ])
  ]
)
