import CoreML
import CoreVideo
import DemoCore
import Foundation

/// Where Core ML reads a model's input: made once and refilled.
enum CoreMLInput {
    case tensor(MLMultiArray)
    case picture(CVPixelBuffer)

    init(_ spec: TensorSpec) throws {
        switch spec.dtype {
        case .float32:
            self = .tensor(try MLMultiArray(shape: spec.shape.map { NSNumber(value: $0) }, dataType: .float32))
        case .image:
            self = .picture(try Self.buffer(spec.shape))
        case .uint8:
            throw BundleError("Core ML takes no tensors of bytes")
        }
    }

    var feature: MLFeatureValue {
        switch self {
        case .tensor(let array): MLFeatureValue(multiArray: array)
        case .picture(let buffer): MLFeatureValue(pixelBuffer: buffer)
        }
    }

    func fill(_ input: ModelInput) throws {
        switch (self, input) {
        case (.tensor(let array), .values(let floats)):
            array.withUnsafeMutableBytes { bytes, _ in
                floats.withUnsafeBytes { bytes.copyMemory(from: $0) }
            }
        case (.picture(let buffer), .picture(let bgra)):
            CVPixelBufferLockBaseAddress(buffer, [])
            defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
            let (height, bytesPerRow) = (CVPixelBufferGetHeight(buffer), CVPixelBufferGetBytesPerRow(buffer))
            UnsafeMutableRawBufferPointer(
                start: CVPixelBufferGetBaseAddress(buffer), count: bytesPerRow * height
            ).copy(rows: height, of: bgra, bytesPerRow: bytesPerRow)
        default:
            throw BundleError("the model takes another kind of input")
        }
    }

    /// Of a `shape` of 1 x 3 x height x width, in memory that all processors share.
    private static func buffer(_ shape: [Int]) throws -> CVPixelBuffer {
        guard shape.count == 4 else { throw BundleError("the model's picture has a shape of \(shape)") }
        let attributes = NSDictionary(
            dictionary: [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()])
        var made: CVPixelBuffer?
        let status = CVPixelBufferCreate(
            nil, shape[3], shape[2], kCVPixelFormatType_32BGRA, attributes as CFDictionary, &made)
        guard status == kCVReturnSuccess, let made else {
            throw BundleError("no memory for a picture of \(shape[3]) x \(shape[2]) (Core Video's \(status))")
        }
        return made
    }
}
