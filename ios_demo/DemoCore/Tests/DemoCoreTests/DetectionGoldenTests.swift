import Foundation
import XCTest

@testable import DemoCore

/// That an error in what is done with detections would be seen on Python's goldens.
final class DetectionGoldenTests: XCTestCase {
    private typealias Planted = @Sendable (ModelConfig, ModelEntry) throws -> any AnswerDecoder
    private typealias Change = @Sendable (Answer.Detected) -> Answer.Detected

    private func bundle(_ name: String) throws -> DemoBundle {
        let bundle = try TestBundle.all().first { $0.folder.lastPathComponent == name }
        guard let bundle else { throw XCTSkip("Python writes the goldens: pytest tests/ios_demo") }
        return bundle
    }

    private func assertCaught(_ name: String, _ planted: @escaping Planted) throws {
        let bundle = try bundle(name)
        let spec = bundle.config.input
        XCTAssertEqual(try GoldenCheck(bundle.config, bundle.golden()).run(TimmPreprocessor(spec)).failures, [])
        let check = try GoldenCheck(bundle.config, bundle.golden()) { try planted(bundle.config, $0) }
        XCTAssertFalse(try check.run(TimmPreprocessor(spec)).failures.isEmpty, "nobody saw the planted error")
    }

    /// Right but for what `change` does.
    private struct Changed: AnswerDecoder {
        let right: any AnswerDecoder
        let change: Change

        func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer {
            guard case .detected(let found) = try right.decode(outputs, of: picture) else {
                throw BundleError("no detections")
            }
            return .detected(change(found))
        }
    }

    private func assertCaught(_ name: String, change: @escaping Change) throws {
        try assertCaught(name) { config, model in
            Changed(right: try answerDecoder(config, model), change: change)
        }
    }

    private func assertCaught(_ name: String, spec: @escaping @Sendable (inout InputSpec) -> Void) throws {
        try assertCaught(name) { config, model in
            var input = config.input
            spec(&input)
            return try DetectionDecoder(input, config.thresholds(), model)
        }
    }

    func testPlantedPaddingInTheMiddleIsCaught() throws {
        try assertCaught("boxes-letterbox", spec: { $0.cropMode = .border })
    }

    func testPlantedStretchIsCaught() throws {
        try assertCaught("boxes-oblong", spec: { $0.cropMode = .squash })
    }

    func testPlantedForgottenCropIsCaught() throws {
        try assertCaught("boxes-center", spec: { $0.cropPct = 1 })
    }

    func testPlantedThresholdIn64BitsIsCaught() throws {
        try assertCaught("boxes-whole", change: { found in
            var thresholds = found.thresholds
            thresholds.scoreThreshold = thresholds.scoreThreshold.nextDown
            return Answer.Detected(all: found.all, picture: found.picture, thresholds: thresholds)
        })
    }

    func testPlantedLastOfEqualsIsCaught() throws {
        try assertCaught("boxes-whole", change: { found in
            let order = found.all.indices.sorted { (-found.all[$0].score, -$0) < (-found.all[$1].score, -$1) }
            return Answer.Detected(
                all: order.map { found.all[$0] }, picture: found.picture, thresholds: found.thresholds)
        })
    }

    func testPlantedBackgroundClassIsCaught() throws {
        try assertCaught("boxes-whole", change: Self.each { found in
            Detection(
                classIndex: found.classIndex + 1, score: found.score, box: found.box,
                probabilities: found.probabilities)
        })
    }

    func testPlantedMaskThresholdIsCaught() throws {
        try assertCaught("boxes-letterbox", change: { found in
            var thresholds = found.thresholds
            thresholds.maskThreshold = 0.51
            return Answer.Detected(all: found.all, picture: found.picture, thresholds: thresholds)
        })
    }

    func testPlantedTransposedMasksAreCaught() throws {
        try assertCaught("boxes-letterbox", change: Self.each { found in
            let turned = found.probabilities.map { mask in mask.indices.map { mask[$0 % 14 * 14 + $0 / 14] } }
            return Detection(
                classIndex: found.classIndex, score: found.score, box: found.box, probabilities: turned)
        })
    }

    private static func each(_ change: @escaping @Sendable (Detection) -> Detection) -> Change {
        { Answer.Detected(all: $0.all.map(change), picture: $0.picture, thresholds: $0.thresholds) }
    }

    func testOwnOutputsMayBeInAnotherOrderButNotElsewhere() throws {
        let places = 12
        func own(_ change: @escaping (String, [Float]) -> [Float]) throws -> [String] {
            let bundle = try bundle("boxes-oblong")
            let golden = try bundle.golden()
            let model = bundle.config.models[0]
            let given = Given(golden.images.map { $0.outputs[0].outputs }, change)
            return try GoldenCheck(bundle.config, golden)
                .run(TimmPreprocessor(bundle.config.input), model: model, classifier: given).failures
        }
        let reversed = try own { _, values in
            let size = values.count / places
            return (0..<places).reversed().flatMap { values[$0 * size..<($0 + 1) * size] }
        }
        XCTAssertEqual(reversed, [])
        XCTAssertFalse(try own { name, values in name == "boxes" ? values.map { $0 / 2 } : values }.isEmpty)
        XCTAssertFalse(try own { name, values in name == "masks" ? values.map { 1 - $0 } : values }.isEmpty)
        XCTAssertFalse(try own { name, values in name == "labels" ? values.map { $0 + 1 } : values }.isEmpty)
    }

    /// Gives Python's outputs of one picture after the other, changed by name.
    private final class Given: Classifier {
        private var outputs: [Outputs]
        private let change: (String, [Float]) -> [Float]

        init(_ outputs: [Outputs], _ change: @escaping (String, [Float]) -> [Float]) {
            self.outputs = outputs.reversed()
            self.change = change
        }

        func run(_ input: ModelInput) throws -> Outputs {
            guard let next = outputs.popLast() else { throw BundleError("no picture is left") }
            return Dictionary(uniqueKeysWithValues: next.map { ($0.key, change($0.key, $0.value)) })
        }
    }
}
