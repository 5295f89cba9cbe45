import DemoCore
import Foundation
import Observation

/// What all screens share: the switches, and a queue on which the models run.
@Observable
@MainActor
final class DemoModel {
    let bundle: DemoBundle
    let models: [ModelEntry]
    private(set) var result: LiveResult?
    private(set) var dropped = 0
    private(set) var message: String?
    var modelID: String { didSet { load() } }
    var computeUnits = ComputeUnits.all { didSet { load() } }

    @ObservationIgnored private let worker: InferenceWorker

    /// The photo on the screen, which a newly chosen model classifies too.
    @ObservationIgnored var photo: RGBImage? {
        didSet { classifyPhoto() }
    }

    init(bundle: DemoBundle) throws {
        self.bundle = bundle
        models = bundle.config.models.filter { Backends.backend(for: $0) != nil }
        guard let first = models.first else {
            throw BundleError("the bundle has no model this app can run")
        }
        modelID = first.id
        worker = InferenceWorker(bundle: bundle)
        load()
    }

    var selected: ModelEntry? { models.first { $0.id == modelID } }

    var choosesComputeUnits: Bool {
        selected.flatMap(Backends.backend(for:))?.choosesComputeUnits ?? false
    }

    func label(_ prediction: Prediction) -> String {
        bundle.labels.indices.contains(prediction.classIndex)
            ? bundle.labels[prediction.classIndex] : "class \(prediction.classIndex)"
    }

    /// Called from the camera's queue: the frame is dropped while one is in work.
    nonisolated func submit(_ frame: @escaping @Sendable () -> RGBImage) {
        worker.classifyUnlessBusy(frame) { [weak self] answer, dropped in
            self?.show(answer, dropped: dropped)
        }
    }

    /// A picked photo is never dropped.
    private func classifyPhoto() {
        guard let photo else { return }
        worker.classify(photo) { [weak self] answer in
            self?.show(answer, dropped: self?.dropped ?? 0)
        }
    }

    func benchmark(_ request: BenchmarkRequest) async throws -> URL {
        try await worker.benchmark(request)
    }

    private func load() {
        guard let selected, let backend = Backends.backend(for: selected) else { return }
        message = "Loading the model…"
        worker.select(selected, backend, computeUnits) { [weak self] error in
            self?.message = error
            if error == nil { self?.classifyPhoto() }
        }
    }

    private func show(_ answer: Result<LiveResult?, any Error>, dropped: Int) {
        self.dropped = dropped
        switch answer {
        case .success(let result):
            guard let result else { return }
            self.result = result
            message = nil
        case .failure(let error):
            message = String(describing: error)
        }
    }
}
