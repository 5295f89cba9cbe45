/// Largest differences from Python over all golden pictures, and what was out of tolerance.
public struct GoldenReport: Sendable {
    public var images = 0
    public var pixelMaxAbs = 0
    public var tensorMaxAbs = 0.0
    public var logitMaxAbs = 0.0
    /// Pictures that every output is answered as Python does.
    public var topEqual = 0
    /// The most pixels of a picture's masks that are told otherwise than by Python.
    public var maskPixels = 0
    /// The largest share of detections' scores that differs from Python's.
    public var detectionsApart = 0.0
    public var failures: [String] = []
}

/// Compares this app with golden.json: same pixels, same tensor, same answer.
public struct GoldenCheck {
    public typealias Decoders = (ModelEntry) throws -> any AnswerDecoder

    private let config: ModelConfig
    private let golden: Golden
    private let decoders: Decoders

    /// `decoders` are those of the configuration's task if nil.
    public init(_ config: ModelConfig, _ golden: Golden, decoders: Decoders? = nil) {
        self.config = config
        self.golden = golden
        self.decoders = decoders ?? { try answerDecoder(config, $0) }
    }

    /// `classifier` runs `model` on this app's own inputs; with none, Python's own outputs are decoded
    /// and only the rest is compared.
    public func run(
        _ preprocessor: Preprocessor,
        model: ModelEntry? = nil,
        classifier: (any Classifier)? = nil
    ) throws -> GoldenReport {
        var report = GoldenReport(images: golden.images.count)
        for expected in golden.images {
            let input = preprocessor.prepare(expected.picture)
            comparePixels(input, expected, &report)
            var same = true
            for output in expected.outputs where model == nil || output.model == model?.id {
                let own = try model.flatMap { try classifier?.run($0.input.of(input)) }
                // A detection more moves all others in the outputs.
                if let own, !output.answer.isDetections { try compare(own, output, expected.name, model, &report) }
                guard let wrong = try wrong(own, output, expected, &report) else { continue }
                same = false
                report.failures.append("\(expected.name): \(output.model) \(wrong)")
            }
            if same { report.topEqual += 1 }
        }
        return report
    }

    private func comparePixels(_ input: NetworkInput, _ expected: Golden.Image, _ report: inout GoldenReport) {
        let reference = [UInt8](expected.inputRgb)
        guard reference.count == input.pixels.pixels.count else {
            report.failures.append("\(expected.name): the input is of another size")
            return
        }
        let pixel = zip(input.pixels.pixels, reference).map { abs(Int($0) - Int($1)) }.max() ?? 0
        let values = input.tensor()
        let tensor = expected.probes.map { Double(abs(values[$0.index] - $0.value)) }.max() ?? 0
        report.pixelMaxAbs = max(report.pixelMaxAbs, pixel)
        report.tensorMaxAbs = max(report.tensorMaxAbs, tensor)
        if pixel > golden.tolerance.pixel {
            report.failures.append("\(expected.name): pixels differ by \(pixel)")
        }
        if tensor > golden.tolerance.tensor {
            report.failures.append("\(expected.name): the tensor differs by \(tensor)")
        }
    }

    private func compare(
        _ own: Outputs, _ output: Golden.Output, _ name: String, _ model: ModelEntry?, _ report: inout GoldenReport
    ) throws {
        for expected in output.values {
            let pairs = zip(try own.named(expected.name), expected.floats)
            let difference = pairs.map { Double(abs($0 - $1)) }.max() ?? 0
            report.logitMaxAbs = max(report.logitMaxAbs, difference)
            if difference > golden.tolerance.allowed(model?.precision, expected.name) {
                report.failures.append("\(name): \(output.model) \(expected.name) differ by \(difference)")
            }
        }
    }

    /// What this app's `own` outputs, and Python's, where they were kept, are taken for that Python does
    /// not take them for; nil if nothing.
    private func wrong(
        _ own: Outputs?, _ output: Golden.Output, _ image: Golden.Image, _ report: inout GoldenReport
    ) throws -> String? {
        let given = output.values.isEmpty ? nil : output.outputs
        let size = PictureSize(width: image.width, height: image.height)
        switch output.answer {
        case .ranking(let ranked):
            guard let outputs = own ?? given else { return nil }
            let classes = ranked.map(\.class)
            let answer = try ClassificationDecoder(count: classes.count).decode(outputs, of: size)
            guard case .ranking(let ranking) = answer else { return "is not ranked" }
            let top = ranking.best.map(\.classIndex)
            return top == classes ? nil : "ranks \(top), Python \(classes)"
        case .segmented(let expected):
            // This app may leave out a model that Python has.
            guard let entry = config.models.first(where: { $0.id == output.model }) else { return nil }
            let decoder = try decoders(entry)
            for (outputs, allowed) in [(given, expected.undecided), (own, expected.close)] {
                guard let outputs else { continue }
                let answer = try decoder.decode(outputs, of: size)
                if let wrong = try wrong(answer, expected, allowed, &report) { return wrong }
            }
            return nil
        case .boxes(let expected):
            guard let entry = config.models.first(where: { $0.id == output.model }) else { return nil }
            let decoder = try decoders(entry)
            let check = try DetectionCheck(expected, size)
            return try wrong(own, given, check, &report) { try decoder.decode($0, of: size) }
        }
    }

    private func wrong(
        _ own: Outputs?, _ given: Outputs?, _ check: DetectionCheck, _ report: inout GoldenReport,
        decode: (Outputs) throws -> Answer
    ) throws -> String? {
        var check = check
        var wrong = try given.flatMap { check.same(try decode($0)) }
        if wrong == nil, let own { wrong = check.near(try decode(own)) }
        report.maskPixels = max(report.maskPixels, check.maskPixels)
        report.detectionsApart = max(report.detectionsApart, check.apart)
        return wrong
    }

    private func wrong(
        _ answer: Answer, _ expected: Golden.Segmented, _ allowed: Int, _ report: inout GoldenReport
    ) throws -> String? {
        guard case .segmented(let found) = answer else { return "is no mask" }
        let pixels = found.mask.differing(try expected.mask())
        report.maskPixels = max(report.maskPixels, pixels)
        if pixels > allowed { return "tells \(pixels) pixels otherwise than Python, and \(allowed) may be" }
        var shares: [Int: Int] = [:]
        for share in found.shares { shares[share.classIndex, default: 0] += share.pixels }
        for share in expected.shares { shares[share.class, default: 0] -= share.pixels }
        let worst = shares.values.map(abs).max() ?? 0
        return worst <= pixels ? nil : "counts \(worst) pixels of a class more or fewer than Python"
    }
}
