import Foundation

/// What to time: at least `iterations` inferences and `seconds` of them, after a warm-up of at least
/// `warmup` and `warmupSeconds`. A phone needs part of a second to raise its clocks.
public struct BenchmarkRequest: Equatable, Sendable {
    public var model: String
    public var iterations: Int
    public var seconds: Double
    public var warmup: Int
    public var warmupSeconds: Double
    public var units: ComputeUnits

    public init(
        model: String, iterations: Int = 100, seconds: Double = 2, warmup: Int = 10, warmupSeconds: Double = 1,
        units: ComputeUnits = .all
    ) {
        self.model = model
        self.iterations = iterations
        self.seconds = seconds
        self.warmup = warmup
        self.warmupSeconds = warmupSeconds
        self.units = units
    }

    public func validate() throws {
        guard (1...100_000).contains(iterations) else {
            throw BundleError("iterations must be 1 to 100000, not \(iterations)")
        }
        guard (0...100_000).contains(warmup) else {
            throw BundleError("warm-up must be 0 to 100000, not \(warmup)")
        }
        for length in [seconds, warmupSeconds] where !(0...600).contains(length) {
            throw BundleError("seconds must be 0 to 600, not \(length)")
        }
    }
}

/// Loads, checks against golden.json, warms up and times one model.
public struct BenchmarkRunner: Sendable {
    private let bundle: DemoBundle
    private let now: @Sendable () -> UInt64

    /// `now` is a monotonic clock in nanoseconds.
    public init(
        bundle: DemoBundle, now: @escaping @Sendable () -> UInt64 = { DispatchTime.now().uptimeNanoseconds }
    ) {
        self.bundle = bundle
        self.now = now
    }

    /// Latencies cover the inference alone, from what the model takes to outputs; each iteration takes
    /// the next golden picture. Throws `CancellationError` soon after its task is cancelled.
    public func run(
        _ request: BenchmarkRequest, _ backend: any Backend, state: @Sendable () async -> DeviceState
    ) async throws -> BenchmarkRun {
        try request.validate()
        let entry = try bundle.model(request.model)
        let golden = try bundle.golden()
        let preprocessor = TimmPreprocessor(bundle.config.input)
        let installed = try await backend.install(bundle.url(of: entry), entry)
        let started = now()
        let classifier = try backend.load(installed, entry, request.units)
        let load = milliseconds(since: started)
        let report = try GoldenCheck(bundle.config, golden).run(preprocessor, model: entry, classifier: classifier)
        let (inputs, prepare) = try prepared(golden.images.map(\.picture), preprocessor, entry.input)
        let warmup = try timed(request.warmup, request.warmupSeconds, inputs, classifier).count
        let before = await state()
        let latencies = try timed(request.iterations, request.seconds, inputs, classifier)
        return BenchmarkRun(
            entry: entry, backend: backend, units: request.units, load: load, prepare: prepare,
            warmup: warmup, latencies: latencies, golden: report, before: before, after: await state())
    }

    /// What a model takes of each picture, and the median milliseconds of making it, over the later half
    /// of the rounds, when the clocks are up.
    private func prepared(
        _ pictures: [RGBImage], _ preprocessor: TimmPreprocessor, _ spec: TensorSpec
    ) throws -> ([ModelInput], Double) {
        var inputs: [ModelInput] = []
        var times: [Double] = []
        for _ in 0..<Self.prepareRounds {
            try Task.checkCancellation()
            inputs = pictures.map { picture in
                let start = now()
                let input = spec.of(preprocessor.prepare(picture))
                times.append(milliseconds(since: start))
                return input
            }
        }
        return (inputs, LatencyStatistics(Array(times.suffix(times.count / 2)))?.p50 ?? 0)
    }

    private static let prepareRounds = 20

    /// Milliseconds of inferences, until there are `count` of them and `seconds` have gone.
    private func timed(
        _ count: Int, _ seconds: Double, _ inputs: [ModelInput], _ classifier: any Classifier
    ) throws -> [Double] {
        var latencies: [Double] = []
        latencies.reserveCapacity(count)
        let started = now()
        while latencies.count < count || milliseconds(since: started) < 1000 * seconds {
            try Task.checkCancellation()
            let start = now()
            _ = try classifier.run(inputs[latencies.count % inputs.count])
            latencies.append(milliseconds(since: start))
        }
        return latencies
    }

    private func milliseconds(since start: UInt64) -> Double {
        Double(now() - start) / 1e6
    }
}
