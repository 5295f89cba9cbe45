import Foundation
import XCTest

@testable import DemoCore

final class CoreTests: XCTestCase {
    func testPercentilesFollowNumpy() throws {
        // numpy.percentile([5, 1, 4, 2, 10], (50, 90, 99))
        let statistics = try XCTUnwrap(LatencyStatistics([5, 1, 4, 2, 10]))
        XCTAssertEqual(statistics.p50, 4)
        XCTAssertEqual(statistics.p90, 8, accuracy: 1e-12)
        XCTAssertEqual(statistics.p99, 9.8, accuracy: 1e-12)
        XCTAssertNil(LatencyStatistics([]))
    }

    func testTopKBreaksTiesByIndex() {
        XCTAssertEqual(TopK.of([1, 3, 3, -1], count: 3).map(\.classIndex), [1, 2, 0])
        XCTAssertEqual(TopK.softmax([500, -500, 499]).reduce(0, +), 1, accuracy: 1e-12)
        XCTAssertEqual(TopK.softmax([1, 0])[0], 1 / (1 + exp(-1)), accuracy: 1e-12)
    }

    func testBgraRowsWithPaddingBecomeRgb() {
        let bytes: [UInt8] = [3, 2, 1, 255, 6, 5, 4, 255, 0, 0, 9, 8, 7, 255, 12, 11, 10, 255, 0, 0]
        let image = bytes.withUnsafeBytes { RGBImage(bgra: $0, width: 2, height: 2, bytesPerRow: 10) }
        XCTAssertEqual(image.pixels, Array(1...12))
    }

    func testStridedValuesComeInOrder() {
        // Shape 2 x 3 in rows of 4 values, then the same transposed in memory.
        let padded: [Double] = [0, 1, 2, -1, 3, 4, 5]
        let values = padded.withUnsafeBufferPointer { Strided.values($0, shape: [2, 3], strides: [4, 1]) }
        XCTAssertEqual(values, [0, 1, 2, 3, 4, 5])
        let transposed: [Float] = [0, 3, 1, 4, 2, 5]
        let turned = transposed.withUnsafeBufferPointer { Strided.values($0, shape: [1, 2, 3], strides: [6, 1, 2]) }
        XCTAssertEqual(turned, [0, 1, 2, 3, 4, 5])
        XCTAssertEqual([Float(7)].withUnsafeBufferPointer { Strided.values($0, shape: [], strides: []) }, [7])
        XCTAssertEqual(transposed.withUnsafeBufferPointer { Strided.values($0, shape: [0, 3], strides: [3, 1]) }, [])
    }

    func testAPictureOfOnePixelIsPrepared() throws {
        let spec = try TestBundle.open().config.input
        let input = TimmPreprocessor(spec).prepare(RGBImage(width: 1, height: 1, pixels: [10, 20, 30]))
        XCTAssertEqual(Set(stride(from: 0, to: input.pixels.pixels.count, by: 3).map { input.pixels.pixels[$0] }), [10])
        XCTAssertEqual(Array(input.pixels.pixels.suffix(3)), [10, 20, 30])
    }
}
