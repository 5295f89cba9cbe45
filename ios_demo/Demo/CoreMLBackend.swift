import CoreML
import DemoCore
import Foundation

/// Core ML through MLModel: the bundle's .mlpackage is compiled on the phone, once a model file.
struct CoreMLBackend: Backend {
    let name = "coreml"
    let format = "coreml"
    let choosesComputeUnits = true

    /// Core ML comes with the system, so the system's version says which one it is.
    func version() -> String {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        return "iOS \(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
    }

    func load(_ url: URL, _ model: ModelEntry, _ units: ComputeUnits) throws -> Classifier {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = Self.units(units)
        let compiled = try compiledModel(url, model)
        return try CoreMLClassifier(MLModel(contentsOf: compiled, configuration: configuration), model)
    }

    private static func units(_ units: ComputeUnits) -> MLComputeUnits {
        switch units {
        case .cpuOnly: .cpuOnly
        case .cpuAndGPU: .cpuAndGPU
        case .cpuAndNeuralEngine: .cpuAndNeuralEngine
        case .all: .all
        }
    }

    private func compiledModel(_ url: URL, _ model: ModelEntry) throws -> URL {
        let caches = try FileManager.default.url(
            for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        let kept = caches.appendingPathComponent("\(model.sha256).mlmodelc")
        if FileManager.default.fileExists(atPath: kept.path) { return kept }
        let fresh = try MLModel.compileModel(at: url)
        try FileManager.default.moveItem(at: fresh, to: kept)
        return kept
    }
}

private final class CoreMLClassifier: Classifier {
    private let model: MLModel
    private let entry: ModelEntry
    private let input: MLMultiArray
    private let features: MLDictionaryFeatureProvider

    init(_ model: MLModel, _ entry: ModelEntry) throws {
        self.model = model
        self.entry = entry
        input = try MLMultiArray(shape: entry.input.shape.map { NSNumber(value: $0) }, dataType: .float32)
        features = try MLDictionaryFeatureProvider(dictionary: [entry.input.name: input])
    }

    func logits(_ tensor: [Float]) throws -> [Float] {
        input.withUnsafeMutableBytes { bytes, _ in
            tensor.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        let output = try model.prediction(from: features)
        guard let array = output.featureValue(for: entry.output.name)?.multiArrayValue else {
            throw BundleError("the model has no output \(entry.output.name)")
        }
        // Core ML may hand back float16; NSNumber hides which.
        return (0..<array.count).map { array[$0].floatValue }
    }
}
