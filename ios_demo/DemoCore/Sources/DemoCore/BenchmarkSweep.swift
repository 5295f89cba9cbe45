import Foundation

/// A model of a sweep: timed, or why not.
public struct BenchmarkOutcome: Identifiable, Sendable {
    public let model: String
    public let result: Result<BenchmarkRun, BundleError>

    public var id: String { model }
}

/// Times models one after the other. One that fails does not keep the others from being timed, and
/// cancelling keeps those that were.
public struct BenchmarkSweep: Sendable {
    private let bundle: DemoBundle
    private let runner: BenchmarkRunner

    public init(bundle: DemoBundle, runner: BenchmarkRunner? = nil) {
        self.bundle = bundle
        self.runner = runner ?? BenchmarkRunner(bundle: bundle)
    }

    /// `started` is called with each model's name before it is timed, `finished` with its outcome.
    public func run(
        _ requests: [BenchmarkRequest],
        backend: @Sendable (ModelEntry) -> (any Backend)?,
        state: @Sendable () async -> DeviceState,
        started: @Sendable (String) async -> Void,
        finished: @Sendable (BenchmarkOutcome) async -> Void
    ) async -> [BenchmarkOutcome] {
        var outcomes: [BenchmarkOutcome] = []
        for request in requests where !Task.isCancelled {
            await started(request.model)
            let result: Result<BenchmarkRun, BundleError>
            do {
                let entry = try bundle.model(request.model)
                guard let found = backend(entry) else {
                    throw BundleError("this app has no library for \(entry.format) models")
                }
                result = .success(try await runner.run(request, found, state: state))
            } catch is CancellationError {
                break
            } catch {
                result = .failure(BundleError(error))
            }
            let outcome = BenchmarkOutcome(model: request.model, result: result)
            outcomes.append(outcome)
            await finished(outcome)
        }
        return outcomes
    }
}
