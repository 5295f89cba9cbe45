import CoreML
import DemoCore
import Foundation

/// Core ML through MLModel: the bundle's .mlpackage is compiled on the phone, once a model file.
struct CoreMLBackend: Backend {
    let name = "coreml"
    let format = "coreml"
    let takes: Set<InputType> = [.float32, .image]
    let choosesComputeUnits = true

    /// Core ML comes with the system, so the system's version says which one it is.
    func version() -> String {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        return "iOS \(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
    }

    func install(_ file: URL, _ model: ModelEntry) async throws -> URL {
        let compiled = try Folders.caches().appendingPathComponent("\(model.sha256).mlmodelc")
        let files = FileManager.default
        if files.fileExists(atPath: compiled.path) { return compiled }
        let fresh = try await MLModel.compileModel(at: file)
        // Another task may have been faster.
        if files.fileExists(atPath: compiled.path) { return compiled }
        try files.moveItem(at: fresh, to: compiled)
        return compiled
    }

    func load(_ installed: URL, _ model: ModelEntry, _ units: ComputeUnits) throws -> sending any Classifier {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = Self.units(units)
        return try CoreMLClassifier(MLModel(contentsOf: installed, configuration: configuration), model)
    }

    private static func units(_ units: ComputeUnits) -> MLComputeUnits {
        switch units {
        case .cpuOnly: .cpuOnly
        case .cpuAndGPU: .cpuAndGPU
        case .cpuAndNeuralEngine: .cpuAndNeuralEngine
        case .all: .all
        }
    }
}

private final class CoreMLClassifier: Classifier {
    private let model: MLModel
    private let entry: ModelEntry
    private let input: CoreMLInput
    private let features: MLDictionaryFeatureProvider

    init(_ model: MLModel, _ entry: ModelEntry) throws {
        self.model = model
        self.entry = entry
        input = try CoreMLInput(entry.input)
        features = try MLDictionaryFeatureProvider(dictionary: [entry.input.name: input.feature])
    }

    func run(_ given: ModelInput) throws -> Outputs {
        try input.fill(given)
        let made = try model.prediction(from: features)
        var outputs: Outputs = [:]
        for output in entry.outputs {
            guard let array = made.featureValue(for: output.stored)?.multiArrayValue else {
                throw BundleError("the model has no output \(output.stored)")
            }
            outputs[output.name] = try Self.values(array)
        }
        return outputs
    }

    /// Straight from memory: one NSNumber a value would take longer than some networks.
    private static func values(_ array: MLMultiArray) throws -> [Float] {
        let (shape, strides) = (array.shape.map(\.intValue), array.strides.map(\.intValue))
        switch array.dataType {
        case .float32:
            return array.withUnsafeBufferPointer(ofType: Float.self) {
                Strided.values($0, shape: shape, strides: strides)
            }
        case .float16:
            return array.withUnsafeBufferPointer(ofType: Float16.self) {
                Strided.values($0, shape: shape, strides: strides)
            }
        case .double:
            return array.withUnsafeBufferPointer(ofType: Double.self) {
                Strided.values($0, shape: shape, strides: strides)
            }
        default:
            throw BundleError("the model's output is of a type that this app does not read")
        }
    }
}
