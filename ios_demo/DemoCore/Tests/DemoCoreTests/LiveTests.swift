import Foundation
import XCTest

@testable import DemoCore

/// The right answer to the right picture, and its times.
final class LiveTests: XCTestCase {
    private func result(_ classIndex: Int) -> LiveResult {
        let ranking = Answer.Ranking(best: [Prediction(classIndex: classIndex, probability: 0.9)])
        var window = TimesWindow()
        window.add(StageTimes(camera: 1, prepare: 2, infer: 3, decode: 4), at: 1)
        guard let times = window.times else { fatalError("a window with a picture has times") }
        return LiveResult(
            picture: RGBImage(width: 1, height: 1, pixels: [0, 0, 0]), answer: .ranking(ranking), times: times)
    }

    private func best(_ shown: Shown) -> Int? {
        guard let result = shown.result, case .ranking(let ranking) = result.answer else { return nil }
        return ranking.best.first?.classIndex
    }

    func testNothingOldIsShownBesideLoadingOrAnError() {
        var board = AnswerBoard()
        guard case .loading = board[.camera] else { return XCTFail("loading first") }
        board.modelLoaded()
        XCTAssertTrue(board.show(.success(result(1)), for: board.ticket(.camera)))
        XCTAssertEqual(best(board[.camera]), 1)
        board.modelChosen()
        guard case .loading = board[.camera] else { return XCTFail("an old answer beside Loading") }
        board.modelFailed("no memory")
        guard case .failed("no memory") = board[.camera] else { return XCTFail("an old answer beside an error") }
        board.modelChosen()
        board.modelLoaded()
        guard case .nothing = board[.camera] else { return XCTFail("the old model's answer came back") }
        board.show(.failure(BundleError("broken")), for: board.ticket(.camera))
        guard case .failed("broken") = board[.camera] else { return XCTFail("an error must replace the answer") }
    }

    func testSourcesKeepTheirOwnAnswers() {
        var board = AnswerBoard()
        board.modelLoaded()
        board.show(.success(result(1)), for: board.ticket(.camera))
        board.show(.success(result(2)), for: board.ticket(.photo))
        XCTAssertEqual(best(board[.camera]), 1)
        XCTAssertEqual(best(board[.photo]), 2)
        board.clear(.camera)
        XCTAssertNil(best(board[.camera]))
        XCTAssertEqual(best(board[.photo]), 2)
    }

    func testAnAnswerToAnEarlierPictureOrModelIsNotShown() {
        var board = AnswerBoard()
        board.modelLoaded()
        let first = board.ticket(.photo)
        board.clear(.photo)
        XCTAssertFalse(board.show(.success(result(1)), for: first))
        let second = board.ticket(.photo)
        board.modelChosen()
        board.modelLoaded()
        XCTAssertFalse(board.show(.success(result(2)), for: second))
        XCTAssertNil(best(board[.photo]))
        XCTAssertTrue(board.show(.success(result(3)), for: board.ticket(.photo)))
        XCTAssertEqual(best(board[.photo]), 3)
    }

    func testThePipelineRanksTimesEachStageAndForgetsOnSwitching() async throws {
        let bundle = try TestBundle.open()
        let backend = FakeBackend(answer: bundle.labels.indices.map { Float($0) })
        let pipeline = LivePipeline(bundle: bundle, now: clock(step: 2_000_000))
        let image = try bundle.golden().images[0].picture
        let all = Selection(model: bundle.config.models[0], units: .all)
        let processor = Selection(model: bundle.config.models[0], units: .cpuOnly)
        var none = try await pipeline.classify(.photo, with: all) { image }
        XCTAssertNil(none)
        let loaded = try await pipeline.select(all, backend)
        XCTAssertTrue(loaded)
        for _ in 0..<3 { _ = try await pipeline.classify(.camera, with: all) { image } }
        let fourth = try await pipeline.classify(.camera, with: all) { image }
        let result = try XCTUnwrap(fourth)
        XCTAssertEqual(best(.answer(result)), bundle.labels.count - 1)
        XCTAssertEqual(result.picture, image)
        XCTAssertEqual(result.times.stages, StageTimes(camera: 2, prepare: 2, infer: 2, decode: 2))
        XCTAssertEqual(result.times.inference.count, 4)
        // Five looks at the clock an answer: 10 ms.
        XCTAssertEqual(try XCTUnwrap(result.times.framesPerSecond), 100, accuracy: 1e-9)
        // A photo's times are its own, and another selection's picture gets no answer of this one.
        let photo = try await pipeline.classify(.photo, with: all) { image }
        XCTAssertEqual(photo?.times.inference.count, 1)
        XCTAssertNil(photo?.times.framesPerSecond)
        none = try await pipeline.classify(.camera, with: processor) { image }
        XCTAssertNil(none)
        _ = try await pipeline.select(processor, backend)
        let fresh = try await pipeline.classify(.camera, with: processor) { image }
        XCTAssertEqual(fresh?.times.inference.count, 1)
        await pipeline.release()
        none = try await pipeline.classify(.camera, with: processor) { image }
        XCTAssertNil(none)
    }

    func testASelectionThatWasOvertakenDoesNotComeBack() async throws {
        let bundle = try TestBundle.open()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let slow = FakeBackend(answer: [1, 0]) {
            start.finish()
            for await _ in gate {}
        }
        let quick = FakeBackend(answer: [0, 1])
        let pipeline = LivePipeline(bundle: bundle)
        let first = Selection(model: bundle.config.models[0], units: .all)
        let second = Selection(model: bundle.config.models[0], units: .cpuOnly)
        async let overtaken = pipeline.select(first, slow)
        for await _ in started {}
        let loaded = try await pipeline.select(second, quick)
        open.finish()
        let came = try await overtaken
        XCTAssertTrue(loaded)
        XCTAssertFalse(came)
        let image = RGBImage(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12))
        let answer = try await pipeline.classify(.photo, with: second) { image }
        XCTAssertEqual(best(.answer(try XCTUnwrap(answer))), 1)
    }

    func testTheRateIsThatOfTheLastTwoSeconds() throws {
        var window = TimesWindow()
        let stages = StageTimes(camera: 1, prepare: 1, infer: 1, decode: 1)
        for frame in 0..<31 { window.add(stages, at: UInt64(frame) * 100_000_000) }
        XCTAssertEqual(try XCTUnwrap(window.times?.framesPerSecond), 10, accuracy: 1e-9)
        // After a pause there is no rate yet.
        window.add(stages, at: 60_000_000_000)
        XCTAssertNil(window.times?.framesPerSecond)
    }

    func testTheWindowForgetsTheOldest() {
        var window = TimesWindow()
        for picture in 0...100 {
            let time = picture == 0 ? 1e6 : 5
            window.add(StageTimes(camera: 0, prepare: 0, infer: time, decode: 0), at: UInt64(picture))
        }
        XCTAssertEqual(window.times?.inference.count, 100)
        XCTAssertEqual(window.times?.inference.p99, 5)
    }

    func testTheThrottleLetsOneAnIntervalThrough() {
        var throttle = Throttle(milliseconds: 500)
        let passed = (0..<20).filter { throttle.passes(at: UInt64($0) * 100_000_000) }
        XCTAssertEqual(passed, [0, 5, 10, 15])
    }

    func testFramesAreDroppedNotQueued() {
        let gate = FrameGate()
        XCTAssertTrue(gate.enter())
        for _ in 0..<100 { XCTAssertFalse(gate.enter()) }
        XCTAssertEqual(gate.dropped, 100)
        gate.leave()
        XCTAssertTrue(gate.enter())
        XCTAssertEqual(gate.dropped, 100)
    }

    func testUnderOneHalfNothingIsSure() throws {
        let pixel = PictureSize(width: 1, height: 1)
        func ranking(_ logits: [Float]) throws -> Answer.Ranking? {
            let outputs = ["boxes": [9], "logits": logits]
            let answer = try ClassificationDecoder(count: 2).decode(outputs, of: pixel)
            if case .ranking(let ranking) = answer { return ranking }
            return nil
        }
        XCTAssertEqual(try ranking([0, 0, 0])?.isSure, false)
        XCTAssertEqual(try ranking([0, 2, 0])?.isSure, true)
        XCTAssertEqual(try ranking([0, 2, 0])?.best.map(\.classIndex), [1, 0])
        XCTAssertEqual(try ranking([])?.isSure, false)
        XCTAssertThrowsError(try ClassificationDecoder().decode(["boxes": [9]], of: pixel))
        var config = try TestBundle.open().config
        config.task = "mind reading"
        XCTAssertThrowsError(try answerDecoder(config, config.models[0]))
    }
}
