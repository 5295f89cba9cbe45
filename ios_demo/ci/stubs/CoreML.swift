import CoreVideo
import Foundation

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}

open class MLModelConfiguration: NSObject {
    public var computeUnits: MLComputeUnits = .all
}

public enum MLMultiArrayDataType: Int, Sendable {
    case double, float32, float16, int32
}

public protocol MLShapedArrayScalar {}
extension Float: MLShapedArrayScalar {}
extension Double: MLShapedArrayScalar {}
extension Float16: MLShapedArrayScalar {}

public final class MLMultiArray: NSObject {
    public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {}
    public var count: Int { 0 }
    public var shape: [NSNumber] { [] }
    public var strides: [NSNumber] { [] }
    public var dataType: MLMultiArrayDataType { .float32 }
    public func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
    ) rethrows -> R {
        try body(UnsafeMutableRawBufferPointer(start: nil, count: 0), [])
    }
    public func withUnsafeBufferPointer<S: MLShapedArrayScalar, R>(
        ofType type: S.Type, _ body: (UnsafeBufferPointer<S>) throws -> R
    ) rethrows -> R {
        try body(UnsafeBufferPointer(start: nil, count: 0))
    }
}

public final class MLFeatureValue: NSObject {
    public convenience init(multiArray value: MLMultiArray) { self.init() }
    public convenience init(pixelBuffer value: CVPixelBuffer) { self.init() }
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
    public static func compileModel(at url: URL) async throws -> URL { url }
    public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        try MLDictionaryFeatureProvider(dictionary: [:])
    }
}
