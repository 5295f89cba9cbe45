// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "PrepareBench",
    platforms: [.macOS(.v14)],
    dependencies: [.package(path: "../../DemoCore")],
    targets: [.executableTarget(name: "PrepareBench", dependencies: ["DemoCore"])]
)
