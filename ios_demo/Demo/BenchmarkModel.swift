import DemoCore
import Foundation
import Observation

/// A running benchmark, and what came of the last one.
@Observable
@MainActor
final class BenchmarkModel {
    private(set) var outcomes: [BenchmarkOutcome] = []
    /// Of the models that could be timed.
    var runs: [BenchmarkRun] { outcomes.compactMap { try? $0.result.get() } }
    /// The model being timed.
    private(set) var current: String?
    private(set) var isRunning = false
    private(set) var file: URL?
    private(set) var problem: String?

    @ObservationIgnored private var task: Task<Void, Never>?

    /// Times models one after the other and writes those that could be timed to Documents/results.
    func run(_ requests: [BenchmarkRequest], of model: DemoModel) {
        guard !isRunning else { return }
        (outcomes, file, problem, isRunning) = ([], nil, nil, true)
        task = Task {
            // Both models may not fit into memory.
            await model.unload()
            let started = Date()
            await measure(requests, model.bundle)
            do {
                if !runs.isEmpty { file = try write(runs, of: model.bundle, started) }
            } catch {
                problem = BundleError(error).description
            }
            (current, isRunning, task) = (nil, false, nil)
            model.load()
        }
    }

    /// Keeps what was timed already.
    func cancel() {
        task?.cancel()
    }

    private func measure(_ requests: [BenchmarkRequest], _ bundle: DemoBundle) async {
        let sweep = Task.detached(priority: .userInitiated) {
            await BenchmarkSweep(bundle: bundle).run(
                requests,
                backend: { Backends.backend(for: $0) },
                state: { await DeviceReader.state() },
                started: { name in await MainActor.run { self.current = name } },
                finished: { outcome in await MainActor.run { self.outcomes.append(outcome) } })
        }
        await withTaskCancellationHandler {
            _ = await sweep.value
        } onCancel: {
            sweep.cancel()
        }
    }

    private func write(_ runs: [BenchmarkRun], of bundle: DemoBundle, _ started: Date) throws -> URL {
        let results = Results(
            startedAt: started, network: bundle.config.network, device: DeviceReader.device(), runs: runs)
        let folder = try Folders.documents().appendingPathComponent("results")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let name = runs.count == 1 ? runs[0].model : "\(runs.count)-models"
        let file = folder.appendingPathComponent("\(name)-\(Int(started.timeIntervalSince1970)).json")
        try results.json().write(to: file, options: .atomic)
        return file
    }
}
