import Foundation
import XCTest

@testable import DemoCore

/// Logits to masks by hand, and that an error in the decoder would be seen on Python's goldens.
final class MaskTests: XCTestCase {
    private func square() throws -> InputSpec {
        var spec = try TestBundle.open().config.input
        (spec.width, spec.height, spec.cropPct, spec.cropMode) = (4, 4, 1, .center)
        return spec
    }

    private func decode(
        _ logits: [Float], _ shape: [Int], _ spec: InputSpec? = nil, _ size: (Int, Int) = (4, 4)
    ) throws -> Answer.Segmented {
        let decoder = try SegmentationDecoder(spec ?? square(), shape: shape)
        let answer = try decoder.decode(["logits": logits], of: PictureSize(width: size.0, height: size.1))
        guard case .segmented(let segmented) = answer else { throw BundleError("no mask") }
        return segmented
    }

    func testLogitsAreResizedBetweenTheirMiddles() throws {
        // Along a row class 1 rises 0, 0.5, 1.5, 2 over class 0, which is 1 everywhere.
        let rows = try decode([1, 1, 0, 2], [1, 2, 1, 2]).mask.classes
        XCTAssertEqual(rows, (0..<4).flatMap { _ in [0, 0, 1, 1] as [UInt8] })
        // Down a column of eight, class 1 has 0.1875 at the fifth pixel and 0.5625 at the sixth.
        var tall = try square()
        (tall.width, tall.height, tall.cropMode) = (1, 8, .squash)
        let column = try decode([0.2, 0.2, 0.2, 0, 0, 1], [1, 2, 3, 1], tall).mask.classes
        XCTAssertEqual(column, [0, 0, 0, 0, 0, 1, 1, 1])
    }

    func testEqualLogitsGoToTheLowerClass() throws {
        let shares = try decode([0, 3, 3], [1, 3, 1, 1]).shares
        XCTAssertEqual(shares, [ClassShare(classIndex: 1, pixels: 16, share: 1)])
    }

    func testPaddingIsNoPartOfTheShares() throws {
        var spec = try square()
        spec.cropMode = .border
        // A picture twice as wide as high covers the middle two rows; its right half is of class 1.
        let halves = try decode([1, 0, 0, 1], [1, 2, 1, 2], spec, (8, 4)).shares
        XCTAssertEqual(halves.map(\.classIndex), [0, 1])
        XCTAssertEqual(halves.map(\.pixels), [4, 4])
        spec.cropMode = .letterbox
        let upper = try decode([1, 0, 0, 1], [1, 2, 2, 1], spec, (8, 4)).shares
        XCTAssertEqual(upper, [ClassShare(classIndex: 0, pixels: 8, share: 1)])
    }

    func testWhatIsNoSegmentersIsRefused() throws {
        for shape in [[1, 10], [2, 3, 4, 4], [1, 1, 4, 4], [1, 256, 4, 4], [1, 2, 0, 4]] {
            XCTAssertThrowsError(try SegmentationDecoder(square(), shape: shape))
        }
        XCTAssertThrowsError(try decode([1, 2, 3], [1, 2, 1, 2]))
        for runs in [[1, 16], [1, 15, 0], [1, 0, 1]] as [[UInt8]] {
            XCTAssertThrowsError(try Mask(width: 4, height: 4, runs: runs))
        }
        let whole = try Mask(width: 4, height: 4, runs: [7, 9, 0, 7, 7, 0])
        XCTAssertEqual(whole.classes, [UInt8](repeating: 7, count: 16))
    }

    func testAModelThatGivesOtherThanFloatsIsKnown() throws {
        var entry = try TestBundle.open().config.models[0]
        XCTAssertTrue(entry.givesFloats)
        entry.outputs[0].dtype = "uint8"
        XCTAssertFalse(entry.givesFloats)
    }

    func testColoursArePascalVocs() {
        // Aeroplane, bicycle, bird, boat, bottle, person, and 255, which it has for borders.
        let published: [UInt8: Int] = [
            1: 0x800000, 2: 0x008000, 3: 0x808000, 4: 0x000080, 5: 0x800080, 15: 0xC08080, 255: 0xE0E0C0,
        ]
        for (index, rgb) in published {
            let colour = ClassColour(index).map { Int($0.red) << 16 | Int($0.green) << 8 | Int($0.blue) }
            XCTAssertEqual(colour, rgb, "class \(index)")
        }
        XCTAssertNil(ClassColour(0))
        XCTAssertEqual(Mask(width: 2, height: 1, classes: [0, 1]).bgra, [0, 0, 0, 0, 0, 0, 128, 255])
    }

    func testAMaskLiesOnTheFrameHoweverItIsShown() throws {
        let view = Size(1080, 1520)
        let spec = try square()
        let sensor = Point(101, 333)
        for rotation in Rotation.allCases {
            let turned = Rotation(degrees: Double(rotation.rawValue) + 90)
            let frame = ShownFrame(width: 640, height: 480, classified: .none, shown: turned, mirrored: true)
                .classified(rotation)
            XCTAssertEqual(frame.classified.rotation, rotation)
            let wanted = frame.shown.sensorToView(view)(sensor)
            let drawn = frame.inputToView(spec, in: view)(frame.classified.sensorToInput(spec)(sensor))
            XCTAssertEqual(wanted.x, drawn.x, accuracy: 1e-9)
            XCTAssertEqual(wanted.y, drawn.y, accuracy: 1e-9)
        }
    }

    func testPlantedAlignedCornersAreCaught() throws {
        try assertCaught { $2 == 1 ? 0 : Float($0) * Float($1 - 1) / Float($2 - 1) }
    }

    func testPlantedNearestLogitsAreCaught() throws {
        try assertCaught { Float(min(Int((Float($0) + 0.5) * Float($1) / Float($2)), $1 - 1)) }
    }

    func testPlantedShiftByHalfALogitIsCaught() throws {
        try assertCaught { min(Float($0) * Float($1) / Float($2), Float($1 - 1)) }
    }

    func testPlantedLastOfEqualsIsCaught() throws {
        try assertCaught(last: true, Self.right)
    }

    func testThePlainDecoderIsRight() throws {
        XCTAssertEqual(try failures(last: false, Self.right), [])
    }

    private typealias Place = @Sendable (Int, Int, Int) -> Float

    private static let right: Place = { pixel, size, count in
        min(max((Float(pixel) + 0.5) * Float(size) / Float(count) - 0.5, 0), Float(size - 1))
    }

    private func assertCaught(last: Bool = false, _ place: @escaping Place) throws {
        XCTAssertFalse(try failures(last: last, place).isEmpty, "nobody saw the planted error")
    }

    /// What is wrong with masks of logits at the `place` of each pixel; there are equal ones among them.
    private func failures(last: Bool, _ place: @escaping Place) throws -> [String] {
        let bundle = try TestBundle.all().first { $0.folder.lastPathComponent == "mask-center" }
        guard let bundle else { throw XCTSkip("Python writes the goldens: pytest tests/ios_demo") }
        let spec = bundle.config.input
        let check = try GoldenCheck(bundle.config, bundle.golden()) { model in
            PlainDecoder(spec: spec, shape: try model.output("logits").shape, last: last, place: place)
        }
        return try check.run(TimmPreprocessor(spec)).failures
    }

    /// Pixel by pixel.
    private struct PlainDecoder: AnswerDecoder {
        let spec: InputSpec
        let shape: [Int]
        let last: Bool
        let place: Place

        func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer {
            let logits = try outputs.named("logits")
            let classes = (0..<spec.width * spec.height).map { pixel in
                likeliest(
                    logits, place(pixel / spec.width, shape[2], spec.height),
                    place(pixel % spec.width, shape[3], spec.width))
            }
            let mask = Mask(width: spec.width, height: spec.height, classes: classes)
            let placement = Placement(pictureWidth: picture.width, pictureHeight: picture.height, spec)
            return .segmented(Answer.Segmented(mask: mask, shares: mask.shares(of: placement.shown(spec))))
        }

        private func likeliest(_ logits: [Float], _ y: Float, _ x: Float) -> UInt8 {
            let (row, column) = (Int(y), Int(x))
            let (down, across) = (y - Float(row), x - Float(column))
            var (best, top) = (0, -Float.infinity)
            for index in 0..<shape[1] {
                func at(_ rowsOn: Int, _ columnsOn: Int) -> Float {
                    let (row, column) = (min(row + rowsOn, shape[2] - 1), min(column + columnsOn, shape[3] - 1))
                    return logits[(index * shape[2] + row) * shape[3] + column]
                }
                let upper = (1 - across) * at(0, 0) + across * at(0, 1)
                let lower = (1 - across) * at(1, 0) + across * at(1, 1)
                let value = (1 - down) * upper + down * lower
                if last ? value >= top : value > top { (best, top) = (index, value) }
            }
            return UInt8(best)
        }
    }
}
