import Foundation
import XCTest

@testable import DemoCore

/// Each model gets what it takes of an image, in its own layout.
final class ModelInputTests: XCTestCase {
    private let planes = [1, 3, 1, 2]
    private let interleaved = [1, 1, 2, 3]
    private let image = RGBImage(width: 2, height: 1, pixels: [10, 20, 30, 11, 21, 255])

    private func given(_ shape: [Int], _ dtype: InputType, _ input: NetworkInput) -> ModelInput {
        TensorSpec(name: "", shape: shape, dtype: dtype).of(input)
    }

    func testValuesComeInTheModelsLayout() {
        let input = NetworkInput(pixels: image) { [1, 2, 3, 4, 5, 6] }
        XCTAssertEqual(given(planes, .float32, input), .values([1, 2, 3, 4, 5, 6]))
        XCTAssertEqual(given(interleaved, .float32, input), .values([1, 3, 5, 2, 4, 6]))
    }

    func testPixelsComeAsTheyAreAndAreNotNormalized() {
        let input = NetworkInput(pixels: image) {
            XCTFail("normalized")
            return []
        }
        XCTAssertEqual(given(planes, .uint8, input), .pixels([10, 11, 20, 21, 30, 255]))
        XCTAssertEqual(given(interleaved, .uint8, input), .pixels(image.pixels))
        XCTAssertEqual(given(planes, .image, input), .picture([30, 20, 10, 255, 255, 21, 11, 255]))
    }

    func testRowsOfAPixelBufferMayBeApart() {
        let tall = RGBImage(width: 1, height: 2, pixels: [1, 2, 3, 4, 5, 6])
        var memory = [UInt8](repeating: 9, count: 14)
        memory.withUnsafeMutableBytes { $0.copy(rows: 2, of: tall.bgra, bytesPerRow: 7) }
        XCTAssertEqual(memory, [3, 2, 1, 255, 9, 9, 9, 6, 5, 4, 255, 9, 9, 9])
        let back = memory.withUnsafeBytes { RGBImage(bgra: $0, width: 1, height: 2, bytesPerRow: 7) }
        XCTAssertEqual(back, tall)
    }

    func testModelsOfPixelsGetPythonsBytesOfEveryGoldenPicture() throws {
        for bundle in try TestBundle.all() {
            let spec = bundle.config.input
            let preprocessor = TimmPreprocessor(spec)
            for golden in try bundle.golden().images {
                let (input, expected) = (preprocessor.prepare(golden.picture), [UInt8](golden.inputRgb))
                let rows = given([1, spec.height, spec.width, 3], .uint8, input)
                XCTAssertEqual(rows, .pixels(expected), golden.name)
                let shape = [1, 3, spec.height, spec.width]
                guard case .pixels(let bytes) = given(shape, .uint8, input) else { return XCTFail("no pixels") }
                let plain = (0..<3).flatMap { channel in
                    stride(from: channel, to: expected.count, by: 3).map { expected[$0] }
                }
                XCTAssertEqual(bytes, plain, golden.name)
                guard case .picture(let bgra) = given(shape, .image, input) else { return XCTFail("no picture") }
                let back = bgra.withUnsafeBytes {
                    RGBImage(bgra: $0, width: spec.width, height: spec.height, bytesPerRow: 4 * spec.width)
                }
                XCTAssertEqual(back.pixels, expected, golden.name)
            }
        }
    }

    func testTheAppsOwnWaysGiveAModelWhatItTakes() async throws {
        let bundle = try TestBundle.open()
        let image = try bundle.golden().images[0].picture
        for (id, wanted) in [("coreml-int8-image", InputType.image), ("executorch-fp32", .float32)] {
            let seen = Seen()
            let backend = FakeBackend(answer: [1, 0], given: { seen.see($0) })
            let selection = Selection(model: try bundle.model(id), units: .all)
            let pipeline = LivePipeline(bundle: bundle)
            _ = try await pipeline.select(selection, backend)
            _ = try await pipeline.classify(.photo, with: selection) { image }
            XCTAssertEqual(seen.kinds, [wanted])
            let request = BenchmarkRequest(model: id, iterations: 2, seconds: 0, warmup: 1, warmupSeconds: 0)
            let state = DeviceState(thermalStatus: nil, batteryPercent: nil, charging: nil, powerSave: nil)
            _ = try await BenchmarkRunner(bundle: bundle).run(request, backend) { state }
            // Golden pictures, warm-up and runs.
            let count = try bundle.golden().images.count + 3
            XCTAssertEqual(seen.kinds, Array(repeating: wanted, count: 1 + count))
        }
    }

    /// Which kinds of input a model was given.
    private final class Seen: @unchecked Sendable {
        // Under the lock.
        private var inputs: [InputType] = []
        private let lock = NSLock()

        var kinds: [InputType] { lock.withLock { inputs } }

        func see(_ input: ModelInput) {
            lock.withLock {
                switch input {
                case .values: inputs.append(.float32)
                case .pixels: inputs.append(.uint8)
                case .picture: inputs.append(.image)
                }
            }
        }
    }
}
