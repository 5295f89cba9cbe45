// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "DemoCore",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "DemoCore", targets: ["DemoCore"])],
    targets: [
        .target(name: "DemoCore"),
        .testTarget(name: "DemoCoreTests", dependencies: ["DemoCore"]),
    ]
)
