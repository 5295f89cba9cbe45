import Foundation

@testable import DemoCore

/// The bundle the tests read: FBDEPLOY_BUNDLE names it, or it is the one installed in the app.
enum TestBundle {
    static func open() throws -> DemoBundle {
        if let given = ProcessInfo.processInfo.environment["FBDEPLOY_BUNDLE"] {
            return try DemoBundle(folder: URL(fileURLWithPath: given))
        }
        let app = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try DemoBundle(folder: app.appendingPathComponent("demo_bundle"))
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

    func load(_ url: URL, _ model: ModelEntry, _ options: LoadOptions) -> Classifier { Fake(answer) }
}
