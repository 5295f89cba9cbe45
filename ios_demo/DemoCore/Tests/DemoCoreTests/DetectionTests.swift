import Foundation
import XCTest

@testable import DemoCore

/// Detections by hand: where they lie in the picture, their masks, and how far two answers are apart.
final class DetectionTests: XCTestCase {
    private let picture = PictureSize(width: 128, height: 32)
    private let thresholds = DetectionThresholds(scoreThreshold: 0.3, maskThreshold: 0.5)

    private func spec() throws -> InputSpec {
        var spec = try TestBundle.open().config.input
        (spec.width, spec.height, spec.cropPct, spec.cropMode) = (64, 64, 1, .letterbox)
        return spec
    }

    private func decoder(_ shapes: [(String, [Int])]) throws -> DetectionDecoder {
        var model = try TestBundle.open().config.models[0]
        model.outputs = shapes.map { OutputSpec(name: $0.0, stored: $0.0, shape: $0.1, dtype: "float32") }
        return try DetectionDecoder(spec(), thresholds, model)
    }

    private func decoder(_ count: Int, side: Int) throws -> DetectionDecoder {
        try decoder([
            ("boxes", [1, count, 4]), ("scores", [1, count]), ("labels", [1, count]), ("masks", [1, count, side, side]),
        ])
    }

    private func found(_ score: Float, _ left: Double, _ right: Double, label: Int = 0) -> Detection {
        Detection(classIndex: label, score: score, box: Box(left: left, top: 0, right: right, bottom: 10))
    }

    func testDetectionsLieInThePictureTheBestFirst() throws {
        // 128 x 32 pixels are 64 x 16 of the input, in its left upper corner.
        let outputs: Outputs = [
            "boxes": [0, 0, 8, 4, 8, 4, 24, 12, 40, 8, 80, 90, 0, 0, 1, 1], "scores": [0.3, 0.5, 0.9, 0],
            "labels": [1, 2, 0, 5], "masks": (0..<16).map { Float($0 % 2) },
        ]
        guard case .detected(let answer) = try decoder(4, side: 2).decode(outputs, of: picture) else {
            return XCTFail("no detections")
        }
        XCTAssertEqual(answer.all.map(\.classIndex), [0, 2, 1])
        let boxes = [
            Box(left: 80, top: 16, right: 128, bottom: 32), Box(left: 16, top: 8, right: 48, bottom: 24),
            Box(left: 0, top: 0, right: 16, bottom: 8),
        ]
        XCTAssertEqual(answer.all.map(\.box), boxes)
        XCTAssertEqual(answer.above(0.3).count, 2, "the threshold itself is not above it")
        let mask = try XCTUnwrap(answer.mask(answer.all[1]))
        // A mask's two columns have their middles at a quarter of the box's 32 pixels and at three quarters:
        // half-way between, the probability is a half.
        for row in 12..<20 { XCTAssertEqual((0..<128).filter { mask[$0, row] }, Array(32..<48)) }
        for row in Array(0..<8) + Array(24..<32) { XCTAssertFalse((0..<128).contains { mask[$0, row] }) }
    }

    func testABoxWithoutAreaHasNoPixel() {
        let flat = Detection(
            classIndex: 0, score: 1, box: Box(left: 3, top: 2, right: 3, bottom: 9), probabilities: [1, 1, 1, 1])
        XCTAssertEqual(flat.mask(picture, threshold: 0.5)?.area, 0)
        // A mask's only pixel is whole in its middle and falls off to a half at the box's sides.
        let single = Detection(
            classIndex: 0, score: 1, box: Box(left: 0, top: 0, right: 16, bottom: 1), probabilities: [1])
        for (threshold, columns) in [(0.5, 0..<16), (0.75, 4..<12)] {
            let mask = single.mask(picture, threshold: threshold)
            XCTAssertEqual((0..<128).filter { mask?[$0, 0] ?? false }, Array(columns))
        }
    }

    func testTheBestsMaskLiesAbove() throws {
        func square(_ label: Int, _ score: Float, _ left: Double) -> Detection {
            let box = Box(left: left, top: 0, right: left + 2, bottom: 1)
            return Detection(
                classIndex: label, score: score, box: box, probabilities: [Float](repeating: 1, count: 9))
        }
        let found = [square(1, 0.9, 0), square(2, 0.8, 1)]
        let size = PictureSize(width: 4, height: 2)
        let answer = Answer.Detected(all: found, picture: size, thresholds: thresholds)
        let bgra = try XCTUnwrap(answer.maskBGRA(found))
        let colours = [1, 1, 2].map { ClassColour(object: $0) }
        XCTAssertEqual(Array(bgra[..<12]), colours.flatMap { [$0.blue, $0.green, $0.red, 255] })
        XCTAssertEqual(Array(bgra[12...]), [UInt8](repeating: 0, count: 20))
        XCTAssertNil(answer.maskBGRA([self.found(0.9, 0, 9)]))
    }

    func testRunsGoDownTheColumns() throws {
        let mask = try ObjectMask(PictureSize(width: 3, height: 2), runs: [1, 2, 3])
        XCTAssertEqual(mask.inside, [false, true, false, true, false, false])
        XCTAssertEqual(mask.differing(ObjectMask(left: 1, top: 0, width: 1, height: 1, inside: [true])), 1)
        XCTAssertEqual(mask.differing(ObjectMask(left: 9, top: 9, width: 1, height: 1, inside: [true])), 3)
        XCTAssertThrowsError(try ObjectMask(PictureSize(width: 3, height: 2), runs: [1, 2]))
    }

    func testWhatIsNoDetectorsIsRefused() {
        for shapes in [
            [("boxes", [1, 3, 4]), ("scores", [1, 4]), ("labels", [1, 4])],
            [("boxes", [1, 4, 4]), ("scores", [1, 4]), ("labels", [1, 3])],
            [("boxes", [1, 4, 4]), ("scores", [1, 4])],
        ] {
            XCTAssertThrowsError(try decoder(shapes))
        }
        let outputs: Outputs = ["boxes": [0, 0, 0, 0], "scores": [.nan], "labels": [0], "masks": [0]]
        XCTAssertThrowsError(try decoder(1, side: 1).decode(outputs, of: picture))
        XCTAssertThrowsError(try decoder(2, side: 1).decode(outputs, of: picture))
    }

    func testHowFarTwoAnswersAreApart() {
        let first = [found(0.9, 0, 10), found(0.5, 20, 30)]
        XCTAssertEqual(DetectionPairs.apart(first, first.reversed()), 0, accuracy: 1e-9)
        XCTAssertEqual(DetectionPairs.apart(first, []), 1)
        XCTAssertEqual(DetectionPairs.apart([], []), 0)
        // In the padding, where no picture is.
        XCTAssertEqual(DetectionPairs.apart(first + [found(0.9, 5, 5)], first), 0, accuracy: 1e-9)
        // The first covers 0.8 of its partner's union, the second is of another class.
        let second = [found(0.6, 0, 8), found(0.5, 20, 30, label: 1)]
        XCTAssertEqual(DetectionPairs.apart(first, second), 1 - 2 * 0.6 * 0.8 / 2.5, accuracy: 1e-7)
        // That which it overlaps most is its partner, and what overlaps less than half is none.
        let pairs = DetectionPairs.of([first[0]], [found(0.9, 0, 7), found(0.8, 0, 9)])
        XCTAssertEqual(pairs, [DetectionPair(first: 0, second: 1, overlap: 0.9)])
        XCTAssertEqual(DetectionPairs.of([first[0]], [found(0.9, 0, 4.9)]), [])
    }

    func testBoxesLieOnTheFrameHoweverItIsShown() {
        let view = Size(1080, 1520)
        let thing = Box(left: 101, top: 333, right: 140, bottom: 350)
        for rotation in Rotation.allCases {
            let turned = Rotation(degrees: Double(rotation.rawValue) + 90)
            let frame = ShownFrame(width: 640, height: 480, classified: .none, shown: turned, mirrored: true)
                .classified(rotation)
            let wanted = frame.shown.sensorToView(view)(thing)
            let drawn = frame.pictureToView(view)(frame.classified.sensorToUpright(thing))
            for (one, other) in [
                (wanted.left, drawn.left), (wanted.top, drawn.top), (wanted.right, drawn.right),
                (wanted.bottom, drawn.bottom),
            ] {
                XCTAssertEqual(one, other, accuracy: 1e-9)
            }
        }
    }

    func testColoursAreTheReports() {
        // fbdeploy/report/boxes.py.
        let report = [
            0: 0xF22424, 1: 0x2460F2, 2: 0x9DF224, 3: 0xF224D9, 4: 0x24F2D0, 5: 0xF29424, 9: 0x24A5F2, 90: 0x245AF2,
        ]
        for (index, rgb) in report {
            let colour = ClassColour(object: index)
            XCTAssertEqual(Int(colour.red) << 16 | Int(colour.green) << 8 | Int(colour.blue), rgb, "class \(index)")
        }
    }
}
