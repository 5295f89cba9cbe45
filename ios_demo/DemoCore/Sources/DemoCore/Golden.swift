import Foundation

/// The bundle's golden.json: pictures, what Python made of them, and how far an app may differ.
public struct Golden: Codable, Sendable {
    public struct LogitTolerance: Codable, Sendable {
        public var precision: String
        public var maxAbs: Double
    }

    public struct Tolerance: Codable, Sendable {
        public var pixel: Int
        public var tensor: Double
        public var logits: [LogitTolerance]
    }

    /// One value of the reference tensor at a flat NCHW index.
    public struct Probe: Codable, Sendable {
        public var index: Int
        public var value: Float
    }

    public struct Ranked: Codable, Sendable {
        public var `class`: Int
        public var probability: Double
    }

    /// What Python's runtime answered for one model.
    public struct Output: Codable, Sendable {
        public var model: String
        public var logits: [Float]
        public var top: [Ranked]
    }

    /// `rgb` and `inputRgb` are rows of interleaved RGB bytes, base64 in the file.
    public struct Image: Codable, Sendable {
        public var name: String
        public var width: Int
        public var height: Int
        public var label: Int?
        public var rgb: Data
        public var inputRgb: Data
        public var probes: [Probe]
        public var outputs: [Output]

        public var picture: RGBImage {
            RGBImage(width: width, height: height, pixels: [UInt8](rgb))
        }
    }

    public var schemaVersion: Int
    public var network: String
    public var tolerance: Tolerance
    public var images: [Image]
}

/// Largest differences from Python over all golden pictures, and what was out of tolerance.
public struct GoldenReport: Sendable {
    public var images = 0
    public var pixelMaxAbs = 0
    public var tensorMaxAbs = 0.0
    public var logitMaxAbs = 0.0
    public var topEqual = 0
    public var failures: [String] = []
}

/// Compares this app with golden.json: same pixels, same tensor, same top five.
public struct GoldenCheck {
    private let golden: Golden

    public init(_ golden: Golden) {
        self.golden = golden
    }

    /// With no `classifier`, Python's own logits are ranked and only the rest is compared.
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
                let logits = try classifier?.logits(input.tensor) ?? output.logits
                same = compare(logits, output, expected.name, model, &report) && same
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
        let tensor = expected.probes.map { Double(abs(input.tensor[$0.index] - $0.value)) }.max() ?? 0
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
        _ logits: [Float],
        _ output: Golden.Output,
        _ name: String,
        _ model: ModelEntry?,
        _ report: inout GoldenReport
    ) -> Bool {
        let difference = zip(logits, output.logits).map { Double(abs($0 - $1)) }.max() ?? 0
        report.logitMaxAbs = max(report.logitMaxAbs, difference)
        let allowed = golden.tolerance.logits.first { $0.precision == model?.precision }?.maxAbs ?? 0
        if difference > allowed {
            report.failures.append("\(name): \(output.model) logits differ by \(difference)")
        }
        let top = TopK.of(logits, count: output.top.count).map(\.classIndex)
        let expected = output.top.map(\.class)
        if top != expected {
            report.failures.append("\(name): \(output.model) ranks \(top), Python \(expected)")
        }
        return top == expected
    }
}
