import Foundation

public enum MLComputeUnits: Int {
    case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}

open class MLModelConfiguration: NSObject {
    public var computeUnits: MLComputeUnits = .all
}

public enum MLMultiArrayDataType: Int {
    case float32
}

public final class MLMultiArray: NSObject {
    public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {}
    public var count: Int { 0 }
    public subscript(index: Int) -> NSNumber { 0 }
    public func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
    ) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: nil, count: 0), [])
    }
}

public final class MLFeatureValue: NSObject {
    public var multiArrayValue: MLMultiArray? { nil }
}

public protocol MLFeatureProvider {
    func featureValue(for featureName: String) -> MLFeatureValue?
}

public final class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    public init(dictionary: [String: Any]) throws {}
    public func featureValue(for featureName: String) -> MLFeatureValue? { nil }
}

public final class MLModel: NSObject {
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
    @available(*, noasync)
    public static func compileModel(at url: URL) throws -> URL { url }
    public func prediction(from input: MLFeatureProvider) throws -> MLFeatureProvider {
        try MLDictionaryFeatureProvider(dictionary: [:])
    }
}
