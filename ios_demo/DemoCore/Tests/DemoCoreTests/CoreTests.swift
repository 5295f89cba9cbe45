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

    func testTheWindowForgetsTheOldest() {
        var window = LatencyWindow(capacity: 2)
        for latency in [100.0, 1, 3] { window.add(latency) }
        XCTAssertEqual(window.statistics?.p50, 2)
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

    func testFramesAreDroppedNotQueued() {
        let gate = FrameGate(queue: DispatchQueue(label: "slow model"))
        let release = DispatchSemaphore(value: 0)
        let second = DispatchSemaphore(value: 0)
        gate.submit { release.wait() }
        for _ in 0..<100 { gate.submit { XCTFail("a frame was queued") } }
        XCTAssertEqual(gate.dropped, 100)
        release.signal()
        // The first one is done soon, and then the next is let in.
        let deadline = Date(timeIntervalSinceNow: 10)
        repeat {
            gate.submit { second.signal() }
        } while second.wait(timeout: .now() + .milliseconds(1)) == .timedOut && Date() < deadline
        XCTAssertLessThan(Date(), deadline)
    }

    func testBadRequestsAreRefused() throws {
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", iterations: 0).validate())
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", warmup: -1).validate())
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", seconds: 601).validate())
        XCTAssertThrowsError(try TestBundle.open().model("no-such-model"))
    }

    func testABundleOfAnotherVersionIsRefused() throws {
        let bundle = try TestBundle.open()
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: copy) }
        let name = "model_config.json"
        let text = try String(contentsOf: bundle.folder.appendingPathComponent(name), encoding: .utf8)
        let newer = text.replacingOccurrences(of: "\"schema_version\": 1", with: "\"schema_version\": 2")
        XCTAssertNotEqual(text, newer)
        try newer.write(to: copy.appendingPathComponent(name), atomically: true, encoding: .utf8)
        XCTAssertThrowsError(try DemoBundle(folder: copy)) { error in
            XCTAssertTrue("\(error)".contains("schema version 2"), "\(error)")
        }
    }

    func testTheLivePipelineRanksAndForgetsOnSwitching() throws {
        let bundle = try TestBundle.open()
        let answer = bundle.labels.indices.map { Float($0) }
        let backend = FakeBackend(choosesComputeUnits: false, answer: answer)
        var clock: UInt64 = 0
        let pipeline = LivePipeline(bundle: bundle) {
            clock += 2_000_000
            return clock
        }
        let image = try bundle.golden().images[0].picture
        XCTAssertNil(try pipeline.classify(image))
        try pipeline.select(bundle.config.models[0], backend, .all)
        for _ in 0..<3 { _ = try pipeline.classify(image) }
        try pipeline.select(bundle.config.models[0], backend, .cpuOnly)
        let result = try XCTUnwrap(pipeline.classify(image))
        XCTAssertEqual(result.top.first?.classIndex, bundle.labels.count - 1)
        XCTAssertEqual(result.preprocessMilliseconds, 2)
        XCTAssertEqual(result.inference.count, 1)
    }

    func testTheBenchmarkTimesAndWritesAResultPythonAccepts() throws {
        let bundle = try TestBundle.open()
        let entry = bundle.config.models[0]
        let golden = try bundle.golden()
        let answer = try XCTUnwrap(golden.images[0].outputs.first { $0.model == entry.id }).logits
        let state = DeviceState(thermalStatus: 0, batteryPercent: nil, charging: nil, powerSave: false)
        var clock: UInt64 = 0
        let runner = BenchmarkRunner(bundle: bundle) {
            clock += 1_500_000
            return clock
        }
        let runs = try [true, false].map { units in
            try runner.run(
                BenchmarkRequest(model: entry.id, iterations: 7, seconds: 0, warmup: 2, warmupSeconds: 0),
                FakeBackend(choosesComputeUnits: units, answer: answer)
            ) { state }
        }
        XCTAssertEqual(runs[0].latenciesMs, Array(repeating: 1.5, count: 7))
        XCTAssertEqual(runs[0].computeUnits, .all)
        XCTAssertNil(runs[1].computeUnits)
        XCTAssertEqual(runs[0].warmup, 2)
        // Looks at the clock are 1.5 ms apart, two an inference; those that ask whether it was long
        // enough see 22.5, 27, ... 94.5 and 99 ms.
        let timed = try runner.run(
            BenchmarkRequest(model: entry.id, iterations: 7, seconds: 0.095, warmup: 0, warmupSeconds: 0),
            FakeBackend(choosesComputeUnits: true, answer: answer)
        ) { state }
        XCTAssertEqual(timed.iterations, 7 + 17)
        // The fake gives every picture the first one's answer: the others must be seen to differ.
        XCTAssertLessThan(runs[0].golden.topEqual, golden.images.count)
        XCTAssertGreaterThanOrEqual(runs[0].golden.topEqual, 1)
        let device = Device(manufacturer: "Apple", model: "test", osVersion: "17.0", abi: "arm64", cores: 6)
        let results = Results(
            startedAt: Date(timeIntervalSince1970: 0), network: bundle.config.network, device: device, runs: runs)
        let json = try results.json()
        // tests/ios_demo validates this line with the schema.
        print("RESULT " + String(decoding: json, as: UTF8.self))
    }
}
