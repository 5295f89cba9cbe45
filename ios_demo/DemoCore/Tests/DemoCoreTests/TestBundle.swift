import Foundation

@testable import DemoCore

/// The bundles the tests read: FBDEPLOY_BUNDLE names them (FOLDER:FOLDER...), or it is the one
/// installed in the app.
enum TestBundle {
    static func all() throws -> [DemoBundle] {
        if let given = ProcessInfo.processInfo.environment["FBDEPLOY_BUNDLE"], !given.isEmpty {
            return try given.split(separator: ":").map { try DemoBundle(folder: URL(fileURLWithPath: String($0))) }
        }
        let app = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return [try DemoBundle(folder: app.appendingPathComponent("demo_bundle"))]
    }

    /// The first one, with models; the others only pin other ways of pre-processing.
    static func open() throws -> DemoBundle {
        try all()[0]
    }
}

/// A backend whose answers are known.
struct FakeBackend: Backend {
    final class Fake: Classifier {
        let answer: [Float]

        init(_ answer: [Float]) {
            self.answer = answer
        }

        func logits(_ tensor: [Float]) -> [Float] { answer }
    }

    let name = "fake"
    let format = "coreml"
    let choosesComputeUnits: Bool
    let answer: [Float]

    func version() -> String { "1" }

    func load(_ url: URL, _ model: ModelEntry, _ units: ComputeUnits) -> Classifier { Fake(answer) }
}
