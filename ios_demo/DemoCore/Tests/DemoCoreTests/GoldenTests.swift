import Foundation
import XCTest

@testable import DemoCore

/// Swift against Python on the goldens, and that an error on either side would be seen.
final class GoldenTests: XCTestCase {
    private func bundle() throws -> DemoBundle {
        try TestBundle.open()
    }

    func testSamePixelsSameTensorSameAnswers() throws {
        for bundle in try TestBundle.all() {
            let report = try GoldenCheck(bundle.config, bundle.golden()).run(TimmPreprocessor(bundle.config.input))
            XCTAssertEqual(report.failures, [], bundle.folder.path)
            XCTAssertEqual(report.topEqual, report.images)
            print(
                "goldens of \(bundle.folder.lastPathComponent): \(report.images) images, "
                    + "pixels within \(report.pixelMaxAbs), tensor within \(report.tensorMaxAbs), "
                    + "masks within \(report.maskPixels) pixels")
        }
    }

    func testOutputsAreReadByNameInOrder() throws {
        // 1.5 and -2, 0.25, little-endian.
        let json = """
            {"model": "m", "answer": {"kind": "ranking", "top": [{"class": 1, "probability": 1}]},
            "values": [{"name": "scores", "float32": "AADAPwAAAMA="}, {"name": "mask", "float32": "AACAPg=="}]}
            """
        let output = try JSONDecoder().decode(Golden.Output.self, from: Data(json.utf8))
        XCTAssertEqual(output.values.map(\.name), ["scores", "mask"])
        XCTAssertEqual(output.outputs, ["scores": [1.5, -2], "mask": [0.25]])
        XCTAssertThrowsError(
            try JSONDecoder().decode(
                Golden.Output.self, from: Data(json.replacingOccurrences(of: "ranking", with: "riddle").utf8)))
        XCTAssertEqual(Set(try bundle().golden().images[0].outputs[0].outputs.keys), ["logits"])
    }

    func testAPictureLargerThanTheInputAndNotSquareIsAmongThem() throws {
        let bundle = try bundle()
        let spec = bundle.config.input
        XCTAssertTrue(
            try bundle.golden().images.contains {
                $0.width > spec.width && $0.height > spec.height && $0.width != $0.height
            })
    }

    func testPlantedSwapOfRedAndBlueIsCaught() throws {
        try assertCaught { image, spec in
            var swapped = image.pixels
            for index in stride(from: 0, to: swapped.count, by: 3) { swapped.swapAt(index, index + 2) }
            let broken = RGBImage(width: image.width, height: image.height, pixels: swapped)
            return TimmPreprocessor(spec).prepare(broken)
        }
    }

    func testPlantedResizeWithoutAntialiasingIsCaught() throws {
        try assertCaught { image, spec in
            var broken = spec
            broken.interpolation = .nearest
            return TimmPreprocessor(broken).prepare(image)
        }
    }

    func testPlantedSquashInsteadOfCropIsCaught() throws {
        try assertCaught { image, spec in
            var broken = spec
            broken.cropMode = .squash
            return TimmPreprocessor(broken).prepare(image)
        }
    }

    func testPlantedCropIsCaught() throws {
        try assertCaught { image, spec in
            var broken = spec
            broken.cropPct *= 0.97
            return TimmPreprocessor(broken).prepare(image)
        }
    }

    func testPlantedMeanIsCaught() throws {
        try assertCaught { image, spec in
            var broken = spec
            broken.mean = broken.mean.map { $0 + 0.001 }
            return TimmPreprocessor(broken).prepare(image)
        }
    }

    func testPlantedShiftByOnePixelIsCaught() throws {
        try assertCaught { image, spec in
            let right = TimmPreprocessor(spec).prepare(image)
            let shifted = [0, 0, 0] + right.pixels.pixels.dropLast(3)
            let pixels = RGBImage(width: spec.width, height: spec.height, pixels: shifted)
            return NetworkInput(pixels: pixels) { right.tensor() }
        }
    }

    private struct Broken: Preprocessor {
        let spec: InputSpec
        let transform: (RGBImage, InputSpec) -> NetworkInput

        func prepare(_ image: RGBImage) -> NetworkInput {
            transform(image, spec)
        }
    }

    private func assertCaught(_ transform: @escaping (RGBImage, InputSpec) -> NetworkInput) throws {
        let bundle = try bundle()
        let broken = Broken(spec: bundle.config.input, transform: transform)
        let report = try GoldenCheck(bundle.config, bundle.golden()).run(broken)
        XCTAssertFalse(report.failures.isEmpty, "nobody saw the planted error")
    }
}
