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
