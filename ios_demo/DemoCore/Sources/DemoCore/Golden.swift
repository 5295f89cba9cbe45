import Foundation

/// The bundle's golden.json: pictures, what Python made of them, and how far an app may differ.
public struct Golden: Codable, Sendable {
    /// How far an output may lie from Python's for models of one precision.
    public struct OutputTolerance: Codable, Sendable {
        public var precision: String
        public var output: String
        public var maxAbs: Double
    }

    public struct Tolerance: Codable, Sendable {
        public var pixel: Int
        public var tensor: Double
        public var outputs: [OutputTolerance]

        func allowed(_ precision: String?, _ output: String) -> Double {
            outputs.first { $0.precision == precision && $0.output == output }?.maxAbs ?? 0
        }
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

    /// One output; `float32` is little-endian, base64 in the file.
    public struct Values: Codable, Sendable {
        public var name: String
        public var float32: Data

        public var floats: [Float] {
            let size = MemoryLayout<UInt32>.size
            return float32.withUnsafeBytes { bytes in
                (0..<bytes.count / size).map { index in
                    let bits = bytes.loadUnaligned(fromByteOffset: size * index, as: UInt32.self)
                    return Float(bitPattern: UInt32(littleEndian: bits))
                }
            }
        }
    }

    /// Python's answer; each task has its kind.
    public enum Answer: Codable, Sendable {
        case ranking([Ranked])

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnswerKey.self)
            let kind = try container.decode(String.self, forKey: .kind)
            guard kind == "ranking" else {
                throw BundleError("golden.json has answers of the kind \(kind): build a newer app")
            }
            self = .ranking(try container.decode([Ranked].self, forKey: .top))
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: AnswerKey.self)
            switch self {
            case .ranking(let top):
                try container.encode("ranking", forKey: .kind)
                try container.encode(top, forKey: .top)
            }
        }
    }

    /// What Python's runtime gave for one model, by output, and the answer it made of that.
    public struct Output: Codable, Sendable {
        public var model: String
        public var values: [Values]
        public var answer: Answer

        public var outputs: Outputs {
            Dictionary(uniqueKeysWithValues: values.map { ($0.name, $0.floats) })
        }
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

private enum AnswerKey: String, CodingKey { case kind, top }

/// Largest differences from Python over all golden pictures, and what was out of tolerance.
public struct GoldenReport: Sendable {
    public var images = 0
    public var pixelMaxAbs = 0
    public var tensorMaxAbs = 0.0
    public var logitMaxAbs = 0.0
    public var topEqual = 0
    public var failures: [String] = []
}

/// Compares this app with golden.json: same pixels, same tensor, same answer.
public struct GoldenCheck {
    private let golden: Golden

    public init(_ golden: Golden) {
        self.golden = golden
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
                let given = model?.input.of(input)
                let found = try given.flatMap { try classifier?.run($0) } ?? output.outputs
                same = try compare(found, output, expected.name, model, &report) && same
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
        _ found: Outputs,
        _ output: Golden.Output,
        _ name: String,
        _ model: ModelEntry?,
        _ report: inout GoldenReport
    ) throws -> Bool {
        for expected in output.values {
            let pairs = zip(try found.named(expected.name), expected.floats)
            let difference = pairs.map { Double(abs($0 - $1)) }.max() ?? 0
            report.logitMaxAbs = max(report.logitMaxAbs, difference)
            if difference > golden.tolerance.allowed(model?.precision, expected.name) {
                report.failures.append("\(name): \(output.model) \(expected.name) differ by \(difference)")
            }
        }
        guard let wrong = try self.wrong(found, output.answer) else { return true }
        report.failures.append("\(name): \(output.model) \(wrong)")
        return false
    }

    /// What `outputs` are taken for that Python does not take them for; nil if nothing.
    private func wrong(_ outputs: Outputs, _ expected: Golden.Answer) throws -> String? {
        switch expected {
        case .ranking(let ranked):
            let classes = ranked.map(\.class)
            let answer = try ClassificationDecoder(count: classes.count).decode(outputs)
            guard case .ranking(let ranking) = answer else { return "is not ranked" }
            let top = ranking.best.map(\.classIndex)
            return top == classes ? nil : "ranks \(top), Python \(classes)"
        }
    }
}
