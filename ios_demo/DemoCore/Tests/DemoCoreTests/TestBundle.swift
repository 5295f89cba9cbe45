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

    /// The first one, with models; the others only pin other ways of pre-processing or of decoding.
    static func open() throws -> DemoBundle {
        try all()[0]
    }
}

/// A backend whose answers are known.
struct FakeBackend: Backend {
    final class Fake: Classifier {
        let answer: [Float]
        let given: @Sendable (ModelInput) -> Void

        init(_ answer: [Float], _ given: @escaping @Sendable (ModelInput) -> Void) {
            self.answer = answer
            self.given = given
        }

        func run(_ input: ModelInput) throws -> Outputs {
            given(input)
            if answer.isEmpty { throw BundleError("the model is broken") }
            return ["logits": answer]
        }
    }

    let name = "fake"
    let format = "coreml"
    let takes: Set<InputType> = [.float32, .uint8, .image]
    var choosesComputeUnits = false
    /// Its logits. None: the model throws.
    let answer: [Float]
    /// Waited for while installing.
    var installing: @Sendable () async -> Void = {}
    /// Called with each input.
    var given: @Sendable (ModelInput) -> Void = { _ in }

    func version() -> String { "1" }

    func install(_ file: URL, _ model: ModelEntry) async throws -> URL {
        await installing()
        return file
    }

    func load(_ installed: URL, _ model: ModelEntry, _ units: ComputeUnits) throws -> sending any Classifier {
        Fake(answer, given)
    }
}

/// A clock that goes on by `step` nanoseconds with every look at it.
func clock(step: UInt64) -> @Sendable () -> UInt64 {
    let lock = NSLock()
    nonisolated(unsafe) var time: UInt64 = 0
    return {
        lock.withLock {
            time += step
            return time
        }
    }
}
