/// What a model takes of an image.
public enum InputType: String, Codable, Sendable {
    /// A tensor of normalized values.
    case float32
    /// A tensor of the pixels as they are.
    case uint8
    /// A picture in a pixel buffer, Core ML's own kind.
    case image
}

/// An image as one model takes it, in the model's own layout.
public enum ModelInput: Equatable, Sendable {
    /// Normalized values.
    case values([Float])
    /// The picture's bytes as they are: the model normalizes them.
    case pixels([UInt8])
    /// The same as a pixel buffer has them: rows of blue, green, red and 255, one behind the other.
    case picture([UInt8])
}

/// A model's input; the name is empty where the format goes by position.
public struct TensorSpec: Codable, Hashable, Sendable {
    public var name: String
    public var shape: [Int]
    public var dtype: InputType

    public init(name: String, shape: [Int], dtype: InputType) {
        self.name = name
        self.shape = shape
        self.dtype = dtype
    }

    /// What the model takes of an image. Bytes pixel by pixel are the picture itself: nothing is
    /// converted.
    public func of(_ input: NetworkInput) -> ModelInput {
        switch dtype {
        case .float32:
            let planes = input.tensor()
            return .values(isInterleaved ? transposed(planes, width: planes.count / Self.channels) : planes)
        case .uint8:
            let bytes = input.pixels.pixels
            return .pixels(isInterleaved ? bytes : transposed(bytes, width: Self.channels))
        case .image:
            return .picture(input.pixels.bgra)
        }
    }

    private static let channels = 3

    /// Whether an image's three values lie together, pixel by pixel (NHWC), and not plane by plane.
    private var isInterleaved: Bool {
        shape.count == 4 && shape[1] != Self.channels && shape[3] == Self.channels
    }
}

/// A matrix, given as rows of `width` values, column by column.
private func transposed<Value: BitwiseCopyable>(_ values: [Value], width: Int) -> [Value] {
    let height = values.count / width
    return [Value](unsafeUninitializedCapacity: values.count) { out, count in
        values.withUnsafeBufferPointer { values in
            for column in 0..<width {
                var (from, to) = (column, column * height)
                for _ in 0..<height {
                    out[to] = values[from]
                    from &+= width
                    to &+= 1
                }
            }
        }
        count = values.count
    }
}
