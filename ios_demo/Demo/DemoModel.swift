import DemoCore
import Foundation
import Observation

/// What all screens share: the chosen model, and what is said of the camera's picture and the photo.
@Observable
@MainActor
final class DemoModel {
    let bundle: DemoBundle
    let models: [ModelEntry]
    private(set) var board = AnswerBoard()
    /// Of each source, refreshed twice a second so that they can be read.
    private(set) var times: [Source: LiveTimes] = [:]
    private(set) var dropped = 0
    /// The camera's picture that was held, upright.
    private(set) var frozen: RGBImage?
    private(set) var photo: RGBImage?
    /// How the frame was turned whose answer is shown: a mask lies on it, not on the one the camera shows.
    private(set) var answeredRotation = Rotation.none
    /// Of masks, 0...1.
    var opacity = 0.6
    /// The score above which detections are shown.
    var threshold: Float
    var selection: Selection { didSet { if selection != oldValue { load() } } }

    @ObservationIgnored private let pipeline: LivePipeline
    @ObservationIgnored private let gate = FrameGate()
    @ObservationIgnored private var throttle = Throttle(milliseconds: 500)

    init(bundle: DemoBundle) throws {
        self.bundle = bundle
        models = bundle.config.models.filter { Backends.backend(for: $0) != nil }
        guard let first = models.first else {
            throw BundleError("The bundle has no model that this app can run.")
        }
        selection = Selection(model: first, units: .all)
        threshold = bundle.config.detection?.scoreThreshold ?? 0
        pipeline = LivePipeline(bundle: bundle)
        load()
    }

    var choosesComputeUnits: Bool {
        Backends.backend(for: selection.model)?.choosesComputeUnits ?? false
    }

    func label(_ classIndex: Int) -> String {
        bundle.labels.indices.contains(classIndex) ? bundle.labels[classIndex] : "class \(classIndex)"
    }

    var isDetector: Bool { bundle.config.task == "detection" }

    var hasMasks: Bool {
        bundle.config.task == "segmentation" || isDetector && selection.model.outputs.contains { $0.name == "masks" }
    }

    var look: AnswerLook { AnswerLook(opacity: opacity, threshold: threshold, label: label) }

    /// What is said of what a source shows.
    func answer(_ source: Source) -> Answer? {
        board[source].result?.answer
    }

    /// Called from the camera's queue with how the frame is turned: it is dropped while one is in work.
    nonisolated func submit(_ rotation: Rotation, _ frame: @escaping @Sendable () -> RGBImage) {
        guard gate.enter() else { return }
        Task(priority: .userInitiated) {
            defer { gate.leave() }
            await classifyLive(rotation, frame)
        }
    }

    /// Holds the picture last answered to; it gets an answer of every model chosen meanwhile.
    func freeze() {
        frozen = board[.camera].result?.picture
    }

    func unfreeze() {
        frozen = nil
        board.clear(.camera)
    }

    func cameraStopped() {
        guard frozen == nil else { return }
        board.clear(.camera)
        times[.camera] = nil
    }

    func show(photo: RGBImage?) {
        self.photo = photo
        board.clear(.photo)
        times[.photo] = nil
        if let photo { Task { await classify(photo, of: .photo) } }
    }

    /// Gives the memory of the loaded model to a benchmark.
    func unload() async {
        board.modelChosen()
        await pipeline.release()
    }

    /// Loads what is selected, and asks it about the pictures on the screens.
    func load() {
        board.modelChosen()
        times = [:]
        let selection = selection
        Task {
            do {
                guard let backend = Backends.backend(for: selection.model) else {
                    throw BundleError("this app has no library for \(selection.model.format) models")
                }
                guard try await pipeline.select(selection, backend), selection == self.selection else { return }
                board.modelLoaded()
                if let photo { await classify(photo, of: .photo) }
                if let frozen { await classify(frozen, of: .camera) }
            } catch {
                if selection == self.selection { board.modelFailed(BundleError(error).description) }
            }
        }
    }

    private func classifyLive(_ rotation: Rotation, _ frame: @escaping @Sendable () -> RGBImage) async {
        guard frozen == nil else { return }
        let ticket = board.ticket(.camera)
        guard let answer = await answer(.camera, frame), frozen == nil else { return }
        guard board.show(answer, for: ticket) else { return }
        answeredRotation = rotation
        if case .success(let result) = answer, throttle.passes(at: DispatchTime.now().uptimeNanoseconds) {
            times[.camera] = result.times
            dropped = gate.dropped
        }
    }

    private func classify(_ picture: RGBImage, of source: Source) async {
        let ticket = board.ticket(source)
        guard let answer = await answer(source, { picture }), board.show(answer, for: ticket) else { return }
        if case .success(let result) = answer { times[source] = result.times }
    }

    /// Nil while the selected model is not loaded.
    private func answer(
        _ source: Source, _ picture: @escaping @Sendable () -> RGBImage
    ) async -> Result<LiveResult, BundleError>? {
        do {
            return try await pipeline.classify(source, with: selection, picture).map { .success($0) }
        } catch {
            return .failure(BundleError(error))
        }
    }
}
