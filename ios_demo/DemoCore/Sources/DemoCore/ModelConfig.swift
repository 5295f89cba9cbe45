import Foundation

/// The version of the demo bundle's schema that this code reads.
public let schemaVersion = 2

public enum Interpolation: String, Codable, Sendable {
    case nearest, bilinear, bicubic
}

public enum CropMode: String, Codable, Sendable {
    case center, squash, border, letterbox

    /// Whether the whole picture is shown, and the rest of the input has the mean colour.
    public var isPadded: Bool { self == .border || self == .letterbox }
}

/// What the network expects: RGB planes (NCHW), scaled to 0...1, then (value - mean) / std.
///
/// `cropPct` is the part of the resized shorter side that the centre crop keeps.
public struct InputSpec: Codable, Equatable, Sendable {
    public var height: Int
    public var width: Int
    public var layout: String
    public var color: String
    public var mean: [Float]
    public var std: [Float]
    public var cropPct: Double
    public var interpolation: Interpolation
    public var cropMode: CropMode
}

/// One of a model's outputs, in order; `stored` is what the file calls it, empty where it goes by
/// position.
public struct OutputSpec: Codable, Hashable, Sendable {
    public var name: String
    public var stored: String
    public var shape: [Int]
    public var dtype: String
}

/// One model file of the bundle; `file` is relative to the bundle's folder.
public struct ModelEntry: Codable, Hashable, Identifiable, Sendable {
    public var id: String
    public var file: String
    public var format: String
    public var precision: String
    public var sha256: String
    public var bytes: Int
    public var input: TensorSpec
    public var outputs: [OutputSpec]

    public func output(_ name: String) throws -> OutputSpec {
        guard let found = outputs.first(where: { $0.name == name }) else {
            let known = outputs.map(\.name).joined(separator: ", ")
            throw BundleError("\(id) has no output \(name); it has \(known)")
        }
        return found
    }

    /// Whether this app reads what it gives: classes in place of logits it does not.
    public var givesFloats: Bool { outputs.allSatisfy { $0.dtype == "float32" } }
}

/// What of a detector's answer is shown: scores above the one, and of masks the pixels from the other on.
public struct DetectionThresholds: Codable, Equatable, Sendable {
    public var scoreThreshold: Float
    public var maskThreshold: Double

    public init(scoreThreshold: Float, maskThreshold: Double) {
        self.scoreThreshold = scoreThreshold
        self.maskThreshold = maskThreshold
    }
}

/// The demo bundle's model_config.json.
public struct ModelConfig: Codable, Equatable, Sendable {
    public var schemaVersion: Int
    public var network: String
    public var task: String
    public var input: InputSpec
    public var numClasses: Int
    public var models: [ModelEntry]
    /// Of a detector.
    public var detection: DetectionThresholds?

    func thresholds() throws -> DetectionThresholds {
        guard let detection else {
            throw BundleError("model_config.json has no thresholds of detections: deploy again")
        }
        return detection
    }
}

/// What is wrong with a demo bundle, in words for the screen.
public struct BundleError: Error, CustomStringConvertible, Equatable {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }

    /// Any error's words; those of Apple's own frameworks are for the screen already.
    public init(_ error: any Error) {
        if let error = error as? BundleError {
            self = error
        } else if error is DecodingError {
            self.init("the bundle does not follow this app's schema: \(error)")
        } else {
            self.init(error.localizedDescription)
        }
    }
}

/// A demo bundle as `fbdeploy bundle OUT --app ios_demo` installs it.
public struct DemoBundle: Sendable {
    public let folder: URL
    public let config: ModelConfig
    /// By class index, so an empty name keeps its line.
    public let labels: [String]

    public init(folder: URL) throws {
        self.folder = folder
        config = try Self.read(ModelConfig.self, folder.appendingPathComponent("model_config.json"))
        try Self.require(config.schemaVersion, "model_config.json")
        guard config.input.layout == "NCHW", config.input.color == "RGB" else {
            throw BundleError("this app feeds RGB in NCHW, not \(config.input.color) in \(config.input.layout)")
        }
        let text = try String(contentsOf: folder.appendingPathComponent("labels.txt"), encoding: .utf8)
        let lines = text.hasSuffix("\n") ? text.dropLast() : Substring(text)
        labels = lines.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    public func golden() throws -> Golden {
        let golden = try Self.read(Golden.self, folder.appendingPathComponent("golden.json"))
        try Self.require(golden.schemaVersion, "golden.json")
        return golden
    }

    public func url(of model: ModelEntry) -> URL {
        folder.appendingPathComponent(model.file)
    }

    public func model(_ id: String) throws -> ModelEntry {
        guard let found = config.models.first(where: { $0.id == id }) else {
            let known = config.models.map(\.id).joined(separator: ", ")
            throw BundleError("no model \(id) in the bundle; it has \(known)")
        }
        return found
    }

    private static func read<Document: Decodable>(_ type: Document.Type, _ url: URL) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: url))
    }

    private static func require(_ version: Int, _ name: String) throws {
        guard version == schemaVersion else {
            throw BundleError(
                "\(name) has schema version \(version) and this app reads \(schemaVersion): "
                    + "write the bundle and build the app with the same fbdeploy"
            )
        }
    }
}
