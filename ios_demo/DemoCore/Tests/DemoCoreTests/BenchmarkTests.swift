import Foundation
import XCTest

@testable import DemoCore

private let phone = DeviceState(thermalStatus: 0, batteryPercent: nil, charging: nil, powerSave: false)

final class BenchmarkTests: XCTestCase {
    private func request(_ model: String, seconds: Double = 0, warmup: Int = 2) -> BenchmarkRequest {
        BenchmarkRequest(model: model, iterations: 7, seconds: seconds, warmup: warmup, warmupSeconds: 0)
    }

    func testBadRequestsAreRefused() throws {
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", iterations: 0).validate())
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", warmup: -1).validate())
        XCTAssertThrowsError(try BenchmarkRequest(model: "m", seconds: 601).validate())
        XCTAssertThrowsError(try TestBundle.open().model("no-such-model"))
    }

    func testItTimesAndWritesAResultPythonAccepts() async throws {
        let bundle = try TestBundle.open()
        let entry = bundle.config.models[0]
        let golden = try bundle.golden()
        let answer = try XCTUnwrap(golden.images[0].outputs.first { $0.model == entry.id }).outputs.named("logits")
        let runner = BenchmarkRunner(bundle: bundle, now: clock(step: 1_500_000))
        var runs: [BenchmarkRun] = []
        for units in [true, false] {
            let backend = FakeBackend(choosesComputeUnits: units, answer: answer)
            runs.append(try await runner.run(request(entry.id), backend) { phone })
        }
        XCTAssertEqual(runs[0].latenciesMs, Array(repeating: 1.5, count: 7))
        XCTAssertEqual(runs[0].loadMs, 1.5)
        XCTAssertEqual(runs[0].prepareMs, 1.5)
        XCTAssertEqual(runs[0].computeUnits, .all)
        XCTAssertNil(runs[1].computeUnits)
        XCTAssertEqual(runs[0].warmup, 2)
        // Looks at the clock are 1.5 ms apart, two an inference; those that ask whether it was long
        // enough see 22.5, 27, ... 94.5 and 99 ms.
        let timed = try await runner.run(
            request(entry.id, seconds: 0.095, warmup: 0), FakeBackend(answer: answer)
        ) { phone }
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

    func testWhatPixelsSaveIsThatOfTheSameModelWithValuesIn() async throws {
        let bundle = try TestBundle.open()
        let ids = ["coreml-fp32", "coreml-int8", "coreml-int8-image", "onnx-int8-uint8"]
        // Looks at the clock are 1, 2, 3 and 4 ms apart: one to prepare, one to run.
        var runs: [BenchmarkRun] = []
        for (milliseconds, id) in zip([1, 2, 3, 4] as [UInt64], ids) {
            let runner = BenchmarkRunner(bundle: bundle, now: clock(step: milliseconds * 1_000_000))
            runs.append(try await runner.run(request(id), FakeBackend(answer: [1, 0])) { phone })
        }
        let savings = PixelSaving.all(of: runs, bundle.config.models)
        XCTAssertEqual(savings.map(\.pixels), ["coreml-int8-image"], "onnx-int8 was not timed")
        XCTAssertEqual(savings.map(\.values), ["coreml-int8"])
        XCTAssertEqual(savings.map(\.pixelsMs), [6])
        XCTAssertEqual(savings.map(\.valuesMs), [4])
    }

    func testWhatIsInstalledOnceIsNoPartOfTheLoadTime() async throws {
        let bundle = try TestBundle.open()
        let now = clock(step: 1_000_000)
        let backend = FakeBackend(answer: [1, 0]) {
            for _ in 0..<500 { _ = now() }
        }
        let run = try await BenchmarkRunner(bundle: bundle, now: now)
            .run(request(bundle.config.models[0].id), backend) { phone }
        XCTAssertEqual(run.loadMs, 1)
    }

    private actor Seen {
        var started: [String] = []
        var finished: [String] = []

        func start(_ model: String) { started.append(model) }

        func finish(_ outcome: BenchmarkOutcome) { finished.append(outcome.model) }
    }

    func testAModelThatFailsDoesNotStopTheSweep() async throws {
        let bundle = try TestBundle.open()
        let ids = bundle.config.models.map(\.id)
        XCTAssertGreaterThan(ids.count, 2)
        let seen = Seen()
        let outcomes = await BenchmarkSweep(bundle: bundle).run(
            ids.map { request($0) } + [request("gone")],
            backend: { entry in
                entry.id == ids[2] ? nil : FakeBackend(answer: entry.id == ids[1] ? [] : [1, 0])
            },
            state: { phone },
            started: { await seen.start($0) },
            finished: { await seen.finish($0) })
        XCTAssertEqual(outcomes.map(\.model), ids + ["gone"])
        let failed = outcomes.filter { if case .failure = $0.result { true } else { false } }.map(\.model)
        XCTAssertEqual(failed, [ids[1], ids[2], "gone"])
        let (started, finished) = (await seen.started, await seen.finished)
        XCTAssertEqual(started, outcomes.map(\.model))
        XCTAssertEqual(finished, started)
    }

    func testCancellingKeepsWhatWasTimed() async throws {
        let bundle = try TestBundle.open()
        let ids = bundle.config.models.map(\.id)
        let (second, begin) = AsyncStream.makeStream(of: Void.self)
        let requests = [request(ids[0]), request(ids[1], seconds: 600), request(ids[2])]
        let task = Task {
            await BenchmarkSweep(bundle: bundle).run(
                requests,
                backend: { _ in FakeBackend(answer: [1, 0]) },
                state: { phone },
                started: { if $0 == ids[1] { begin.finish() } },
                finished: { _ in })
        }
        for await _ in second {}
        task.cancel()
        let outcomes = await task.value
        XCTAssertEqual(outcomes.map(\.model), [ids[0]])
    }
}
