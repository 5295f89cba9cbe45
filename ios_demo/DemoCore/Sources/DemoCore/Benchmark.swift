import Foundation

/// What to time.
public struct BenchmarkRequest: Equatable, Sendable {
    public var model: String
    public var iterations: Int
    public var warmup: Int
    public var options: LoadOptions

    public init(model: String, iterations: Int = 100, warmup: Int = 10, options: LoadOptions = LoadOptions()) {
        self.model = model
        self.iterations = iterations
        self.warmup = warmup
        self.options = options
    }

    public func validate() throws {
        guard (1...100_000).contains(iterations) else {
            throw BundleError("iterations must be 1 to 100000, not \(iterations)")
        }
        guard (0...100_000).contains(warmup) else {
            throw BundleError("warm-up must be 0 to 100000, not \(warmup)")
        }
        guard (1...64).contains(options.threads) else {
            throw BundleError("threads must be 1 to 64, not \(options.threads)")
        }
    }
}

/// Loads, checks against golden.json, warms up and times one model.
public struct BenchmarkRunner {
    private let bundle: DemoBundle
    private let now: () -> UInt64

    /// `now` is a monotonic clock in nanoseconds.
    public init(bundle: DemoBundle, now: @escaping () -> UInt64 = { DispatchTime.now().uptimeNanoseconds }) {
        self.bundle = bundle
        self.now = now
    }

    /// Latencies cover the inference alone; each iteration takes the next golden picture.
    public func run(
        _ request: BenchmarkRequest, _ backend: Backend, state: () -> DeviceState
    ) throws -> BenchmarkRun {
        try request.validate()
        let entry = try bundle.model(request.model)
        let golden = try bundle.golden()
        let preprocessor = TimmPreprocessor(bundle.config.input)
        let tensors = golden.images.map { preprocessor.prepare($0.picture).tensor }
        let started = now()
        let classifier = try backend.load(bundle.url(of: entry), entry, request.options)
        let load = milliseconds(since: started)
        let report = try GoldenCheck(golden).run(preprocessor, model: entry, classifier: classifier)
        for index in 0..<request.warmup {
            _ = try classifier.logits(tensors[index % tensors.count])
        }
        let before = state()
        var latencies: [Double] = []
        latencies.reserveCapacity(request.iterations)
        for index in 0..<request.iterations {
            let start = now()
            _ = try classifier.logits(tensors[index % tensors.count])
            latencies.append(milliseconds(since: start))
        }
        return BenchmarkRun(
            request: request, entry: entry, backend: backend, load: load, latencies: latencies,
            golden: report, before: before, after: state())
    }

    private func milliseconds(since start: UInt64) -> Double {
        Double(now() - start) / 1e6
    }
}
