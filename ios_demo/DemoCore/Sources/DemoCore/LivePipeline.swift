import Foundation

/// Where a picture comes from; each has one answer on the screen.
public enum Source: CaseIterable, Sendable {
    case camera, photo
}

/// Which model runs, and where.
public struct Selection: Equatable, Sendable {
    public var model: ModelEntry
    public var units: ComputeUnits

    public init(model: ModelEntry, units: ComputeUnits) {
        self.model = model
        self.units = units
    }
}

/// A picture, upright, and what was said of it.
public struct LiveResult: Sendable {
    public let picture: RGBImage
    public let answer: Answer
    public let times: LiveTimes
}

/// A loaded model behind the camera and the photo picker.
public actor LivePipeline {
    private let bundle: DemoBundle
    private let preprocessor: TimmPreprocessor
    private let now: @Sendable () -> UInt64
    private var windows: [Source: TimesWindow] = [:]
    private var wanted: Selection?
    private var classifier: (any Classifier)?
    private var decoder: (any AnswerDecoder)?

    /// `now` is a monotonic clock in nanoseconds.
    public init(
        bundle: DemoBundle,
        now: @escaping @Sendable () -> UInt64 = { DispatchTime.now().uptimeNanoseconds }
    ) {
        self.bundle = bundle
        preprocessor = TimmPreprocessor(bundle.config.input)
        self.now = now
    }

    /// Replaces the loaded model; the old one is released first, since both may not fit. False if
    /// another selection came while this one was being installed.
    public func select(_ selection: Selection, _ backend: any Backend) async throws -> Bool {
        release()
        wanted = selection
        let installed = try await backend.install(bundle.url(of: selection.model), selection.model)
        guard wanted == selection else { return false }
        decoder = try answerDecoder(bundle.config, selection.model)
        classifier = try backend.load(installed, selection.model, selection.units)
        return true
    }

    /// Gives the model's memory back.
    public func release() {
        wanted = nil
        classifier = nil
        windows = [:]
    }

    /// Nil unless `selection` is what is loaded. `picture` converts the frame: its time counts as the
    /// camera's.
    public func classify(
        _ source: Source, with selection: Selection, _ picture: @Sendable () -> RGBImage
    ) throws -> LiveResult? {
        guard wanted == selection, let classifier, let decoder else { return nil }
        let start = now()
        let image = picture()
        let converted = now()
        let input = selection.model.input.of(preprocessor.prepare(image))
        let prepared = now()
        let outputs = try classifier.run(input)
        let inferred = now()
        let answer = try decoder.decode(
            outputs, of: PictureSize(width: image.width, height: image.height))
        let decoded = now()
        let stages = StageTimes(
            camera: milliseconds(start, converted), prepare: milliseconds(converted, prepared),
            infer: milliseconds(prepared, inferred), decode: milliseconds(inferred, decoded))
        windows[source, default: TimesWindow()].add(stages, at: decoded)
        guard let times = windows[source]?.times else { return nil }
        return LiveResult(picture: image, answer: answer, times: times)
    }

    private func milliseconds(_ start: UInt64, _ end: UInt64) -> Double {
        Double(end - start) / 1e6
    }
}
