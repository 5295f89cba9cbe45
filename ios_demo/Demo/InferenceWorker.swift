import DemoCore
import Foundation

/// Runs the models on one serial queue and answers on the main one.
final class InferenceWorker: @unchecked Sendable {
    // Everything below is touched on `queue` only, but for the gate, which has its own lock.
    private let queue: DispatchQueue
    private let gate: FrameGate
    private let bundle: DemoBundle
    private let pipeline: LivePipeline

    init(bundle: DemoBundle) {
        queue = DispatchQueue(label: "inference", qos: .userInitiated)
        gate = FrameGate(queue: queue)
        self.bundle = bundle
        pipeline = LivePipeline(bundle: bundle)
    }

    func select(
        _ model: ModelEntry, _ backend: any Backend, _ units: ComputeUnits,
        then done: @escaping @MainActor @Sendable (String?) -> Void
    ) {
        queue.async { [self] in
            let answer = Result { try pipeline.select(model, backend, units) }
            let message: String? = if case .failure(let error) = answer { String(describing: error) } else { nil }
            DispatchQueue.main.async { done(message) }
        }
    }

    func classifyUnlessBusy(
        _ frame: @escaping @Sendable () -> RGBImage,
        then done: @escaping @MainActor @Sendable (Result<LiveResult?, any Error>, Int) -> Void
    ) {
        gate.submit { [self] in
            let answer = Result { try pipeline.classify(frame()) }
            let dropped = gate.dropped
            DispatchQueue.main.async { done(answer, dropped) }
        }
    }

    func classify(
        _ image: RGBImage,
        then done: @escaping @MainActor @Sendable (Result<LiveResult?, any Error>) -> Void
    ) {
        queue.async { [self] in
            let answer = Result { try pipeline.classify(image) }
            DispatchQueue.main.async { done(answer) }
        }
    }

    /// Times a model and writes Documents/results/NAME.json, whose place it returns.
    func benchmark(_ request: BenchmarkRequest) async throws -> URL {
        let device = await DeviceReader.device()
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(with: Result { try measure(request, device) })
            }
        }
    }

    private func measure(_ request: BenchmarkRequest, _ device: Device) throws -> URL {
        let entry = try bundle.model(request.model)
        guard let backend = Backends.backend(for: entry) else {
            throw BundleError("no backend for \(entry.format) models")
        }
        let started = Date()
        let run = try BenchmarkRunner(bundle: bundle).run(request, backend, state: DeviceReader.state)
        let results = Results(startedAt: started, network: bundle.config.network, device: device, runs: [run])
        let folder = try FileManager.default.url(
            for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true
        ).appendingPathComponent("results")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let seconds = Int(started.timeIntervalSince1970)
        let file = folder.appendingPathComponent("\(entry.id)-\(seconds).json")
        try results.json().write(to: file, options: .atomic)
        return file
    }
}
