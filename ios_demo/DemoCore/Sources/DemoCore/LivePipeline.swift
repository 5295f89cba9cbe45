import Foundation

/// What the live view shows of one picture; times in milliseconds.
public struct LiveResult: Sendable {
    public let top: [Prediction]
    public let preprocessMilliseconds: Double
    public let inference: LatencyStatistics
}

/// A loaded model behind the camera and the photo picker. All calls come from one thread.
public final class LivePipeline {
    private let bundle: DemoBundle
    private let preprocessor: TimmPreprocessor
    private let now: () -> UInt64
    private var window = LatencyWindow()
    private var classifier: Classifier?

    public init(bundle: DemoBundle, now: @escaping () -> UInt64 = { DispatchTime.now().uptimeNanoseconds }) {
        self.bundle = bundle
        preprocessor = TimmPreprocessor(bundle.config.input)
        self.now = now
    }

    /// Replaces the loaded model; the old one is released first, since both may not fit.
    public func select(_ model: ModelEntry, _ backend: Backend, _ units: ComputeUnits) throws {
        classifier = nil
        window.clear()
        classifier = try backend.load(bundle.url(of: model), model, units)
    }

    /// Nil while no model is loaded.
    public func classify(_ image: RGBImage) throws -> LiveResult? {
        guard let classifier else { return nil }
        let start = now()
        let input = preprocessor.prepare(image)
        let prepared = now()
        let logits = try classifier.logits(input.tensor)
        window.add(Double(now() - prepared) / 1e6)
        guard let statistics = window.statistics else { return nil }
        return LiveResult(
            top: TopK.of(logits), preprocessMilliseconds: Double(prepared - start) / 1e6, inference: statistics)
    }
}
