import Foundation
import XCTest

@testable import DemoCore

/// Swift against Python on every sensor, rotation, mirror, input and view, and that an error in either
/// would be seen.
final class GeometryTests: XCTestCase {
    private struct Goldens: Decodable {
        let tolerance: Double
        let cases: [Case]
    }

    private struct SensorPoint: Decodable {
        let sensor: [Double]
        let upright: [Double]
        let input: [Double]
    }

    private struct ViewPoint: Decodable {
        let view: [Double]
        let sensor: [Double]
    }

    private struct View: Decodable {
        let view: [Double]
        let uprightToView: [Double]
        let seen: [Double]
        let points: [ViewPoint]
    }

    private struct Case: Decodable {
        let sensor: [Int]
        let rotation: Int
        let mirrored: Bool
        let input: InputSpec
        let upright: [Double]
        let resized: [Int]
        let sensorToUpright: [Double]
        let uprightToInput: [Double]
        let seen: [Double]
        let points: [SensorPoint]
        let views: [View]
    }

    /// tests/geometry_goldens.py writes it beside the package.
    private func goldens() throws -> Goldens {
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("geometry_goldens.json")
        guard FileManager.default.fileExists(atPath: path.path) else {
            throw XCTSkip("no geometry_goldens.json: the toolkit's tests write it")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Goldens.self, from: Data(contentsOf: path))
    }

    /// Largest difference from Python over all numbers of a case.
    private func difference(
        _ expected: Case, rotation: (Rotation) -> Rotation = { $0 }, mirrored: (Bool) -> Bool = { $0 }
    ) throws -> Double {
        let geometry = FrameGeometry(
            width: expected.sensor[0], height: expected.sensor[1],
            rotation: rotation(try XCTUnwrap(Rotation(rawValue: expected.rotation))),
            mirrored: mirrored(expected.mirrored))
        let spec = expected.input
        let placement = Placement(
            pictureWidth: Int(geometry.upright.width), pictureHeight: Int(geometry.upright.height), spec)
        var pairs: [([Double], [Double])] = [
            ([geometry.upright.width, geometry.upright.height], expected.upright),
            ([Double(placement.width), Double(placement.height)], expected.resized.map(Double.init)),
            (geometry.sensorToUpright.row, expected.sensorToUpright),
            (geometry.uprightToInput(spec).row, expected.uprightToInput),
            (row(geometry.seen(spec)), expected.seen),
        ]
        for same in expected.points {
            pairs.append((row(geometry.sensorToUpright(point(same.sensor))), same.upright))
            pairs.append((row(geometry.uprightToInput(spec)(point(same.upright))), same.input))
            pairs.append((row(geometry.sensorToInput(spec)(point(same.sensor))), same.input))
            pairs.append((row(geometry.sensorToInput(spec).inverse(point(same.input))), same.sensor))
            pairs.append((row(geometry.sensorToUpright.inverse(point(same.upright))), same.sensor))
        }
        for view in expected.views {
            let size = Size(view.view[0], view.view[1])
            pairs.append((geometry.uprightToView(size).row, view.uprightToView))
            pairs.append((row(geometry.sensorToView(size)(geometry.seen(spec))), view.seen))
            for same in view.points {
                pairs.append((row(geometry.sensorToView(size)(point(same.sensor))), same.view))
                pairs.append((row(geometry.sensorToView(size).inverse(point(same.view))), same.sensor))
            }
        }
        XCTAssertTrue(pairs.allSatisfy { $0.0.count == $0.1.count })
        return pairs.flatMap { zip($0.0, $0.1).map { abs($0 - $1) } }.max() ?? .infinity
    }

    private func point(_ row: [Double]) -> Point { Point(row[0], row[1]) }

    private func row(_ point: Point) -> [Double] { [point.x, point.y] }

    private func row(_ box: Box) -> [Double] { [box.left, box.top, box.right, box.bottom] }

    func testEveryCornerGoesWherePythonSays() throws {
        let goldens = try goldens()
        let largest = try goldens.cases.map { try difference($0) }.max() ?? .infinity
        XCTAssertLessThanOrEqual(largest, goldens.tolerance)
        XCTAssertEqual(Set(goldens.cases.map(\.rotation)), Set(Rotation.allCases.map(\.rawValue)))
        XCTAssertEqual(Set(goldens.cases.map(\.mirrored)), [false, true])
        print("geometry: \(goldens.cases.count) cases within \(goldens.tolerance) pixels")
    }

    func testAPlantedTurnTheWrongWayIsCaught() throws {
        let goldens = try goldens()
        let turned = goldens.cases.filter { $0.rotation % 180 == 90 }
        for expected in turned {
            let found = try difference(expected, rotation: { $0 == .quarter ? .threeQuarters : .quarter })
            XCTAssertGreaterThan(found, 1)
        }
    }

    func testAPlantedMirrorIsCaught() throws {
        for expected in try goldens().cases {
            XCTAssertGreaterThan(try difference(expected, mirrored: { !$0 }), 1)
        }
    }

    func testAFrameIsTurnedAsItsCornersAre() throws {
        // Each corner's pixel has a colour of its own; the picture is turned, then looked up.
        let (width, height) = (70, 3)
        var bgra = [UInt8](repeating: 0, count: 4 * (width + 2) * height)
        for row in 0..<height {
            for column in 0..<width {
                let at = 4 * (row * (width + 2) + column)
                (bgra[at + 2], bgra[at + 1], bgra[at]) = (UInt8(column), UInt8(row), 7)
            }
        }
        for rotation in Rotation.allCases {
            let image = bgra.withUnsafeBytes {
                RGBImage(bgra: $0, width: width, height: height, bytesPerRow: 4 * (width + 2), rotation: rotation)
            }
            let geometry = FrameGeometry(width: width, height: height, rotation: rotation)
            XCTAssertEqual(Size(Double(image.width), Double(image.height)), geometry.upright)
            for row in 0..<height {
                for column in 0..<width {
                    let centre = geometry.sensorToUpright(Point(Double(column) + 0.5, Double(row) + 0.5))
                    let at = 3 * (Int(centre.y) * image.width + Int(centre.x))
                    XCTAssertEqual(Array(image.pixels[at..<at + 3]), [UInt8(column), UInt8(row), 7], "\(rotation)")
                }
            }
        }
    }

    func testTheCropIsMarkedWhereItIsClassifiedWhileTheScreenIsLocked() throws {
        var spec = try TestBundle.open().config.input
        (spec.width, spec.height, spec.cropPct, spec.cropMode) = (100, 50, 1, .center)
        // The phone lies on its side, its screen locked upright: the landscape frame is classified as
        // it is, 400 x 200 of 400 x 300, and shown turned, 300 x 400. Resized to 100 x 75 it is cropped
        // by 12.5 rows, rounded to 12: 48 of the frame's rows, which then begin at the right.
        let locked = ShownFrame(width: 400, height: 300, classified: .none, shown: .quarter, mirrored: false)
        XCTAssertEqual(
            locked.seen(spec, in: Size(300, 400)), Box(left: 52, top: 0, right: 252, bottom: 400))
        // A selfie's crop is flipped with its picture; this one's is off the middle by one pixel.
        spec.height = 100
        let selfie = ShownFrame(width: 103, height: 100, classified: .none, shown: .none, mirrored: true)
        XCTAssertEqual(selfie.classified.seen(spec), Box(left: 2, top: 0, right: 102, bottom: 100))
        XCTAssertEqual(selfie.seen(spec, in: Size(103, 100)), Box(left: 1, top: 0, right: 101, bottom: 100))
        XCTAssertEqual(ShownFrame(width: 103, height: 100).seen(spec, in: Size(206, 400)).left, 4)
    }

    func testAnglesOfTheDeviceBecomeQuarterTurns() {
        let angles = [0.0, 90, 180, 270, 360, -90, 89.6, 450]
        let turns: [Rotation] = [.none, .quarter, .half, .threeQuarters, .none, .threeQuarters, .quarter, .quarter]
        XCTAssertEqual(angles.map(Rotation.init(degrees:)), turns)
    }

    func testTheCameraGivesTheSmallestFrameThatCoversTheInput() throws {
        var spec = try TestBundle.open().config.input
        (spec.width, spec.height, spec.cropPct, spec.cropMode) = (224, 224, 0.875, .center)
        let full = (width: 1920, height: 1080)
        XCTAssertTrue(FrameSize.fraction(of: full, for: spec) == (480, 270))
        (spec.width, spec.height) = (288, 288)
        XCTAssertTrue(FrameSize.fraction(of: full, for: spec) == (640, 360))
        (spec.width, spec.height) = (2000, 2000)
        XCTAssertTrue(FrameSize.fraction(of: full, for: spec) == (1920, 1080))
        spec.cropMode = .border
        (spec.width, spec.height) = (224, 224)
        XCTAssertTrue(FrameSize.fraction(of: full, for: spec) == (320, 180))
    }
}
