import Foundation

/// A loaded model. Calls come from one thread at a time.
public protocol Classifier: AnyObject {
    /// Outputs for one image as the model's input takes it.
    func run(_ input: ModelInput) throws -> Outputs
}

/// Which processors Core ML may use; the raw values are those of the result file.
public enum ComputeUnits: String, Codable, CaseIterable, Sendable {
    case cpuOnly, cpuAndGPU, cpuAndNeuralEngine, all
}

/// An inference library: one entry of the app's table of backends.
public protocol Backend: Sendable {
    var name: String { get }

    /// The export format it reads: coreml or executorch.
    var format: String { get }

    /// What its models may take of an image.
    var takes: Set<InputType> { get }

    func version() -> String

    /// Whether it takes compute units; no backend of iOS lets an app choose the number of threads.
    var choosesComputeUnits: Bool { get }

    /// Turns the bundle's file into the one that `load` reads, once a model: part of no load time.
    func install(_ file: URL, _ model: ModelEntry) async throws -> URL

    /// From a file on disk to a model that answers at once: what every backend's load time covers.
    func load(_ installed: URL, _ model: ModelEntry, _ units: ComputeUnits) throws -> sending any Classifier
}

extension Backend {
    /// For libraries that read the bundle's file as it is.
    public func install(_ file: URL, _ model: ModelEntry) async throws -> URL { file }
}
