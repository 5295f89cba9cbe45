/// A network input: the 8-bit picture the network sees, and its normalized NCHW tensor, which is made
/// when it is asked for, since models that take pixels do without.
public struct NetworkInput: Sendable {
    public let pixels: RGBImage
    private let normalize: @Sendable () -> [Float]

    public init(pixels: RGBImage, normalize: @escaping @Sendable () -> [Float]) {
        self.pixels = pixels
        self.normalize = normalize
    }

    public func tensor() -> [Float] { normalize() }
}

/// Pictures of any size to network inputs.
public protocol Preprocessor {
    func prepare(_ image: RGBImage) -> NetworkInput
}

/// timm's evaluation transform, as `zoo.preprocess` of the toolkit has it; golden.json pins it.
public struct TimmPreprocessor: Preprocessor, Sendable {
    private let spec: InputSpec
    /// The normalized value of each byte, a table a channel: three times fewer divisions than
    /// pixels, and the same values to the bit.
    private let normalized: [[Float]]

    public init(_ spec: InputSpec) {
        self.spec = spec
        normalized = zip(spec.mean, spec.std).map { mean, std in
            (0..<256).map { (Float($0) / 255 - mean) / std }
        }
    }

    public func prepare(_ image: RGBImage) -> NetworkInput {
        let placement = Placement(pictureWidth: image.width, pictureHeight: image.height, spec)
        let window = Window(
            columns: max(0, placement.left)..<min(placement.width, placement.left + spec.width),
            rows: max(0, placement.top)..<min(placement.height, placement.top + spec.height))
        let seen = Resample.resize(
            image, width: placement.width, height: placement.height, interpolation: spec.interpolation,
            window: window)
        let input = pad(seen, left: max(0, -placement.left), top: max(0, -placement.top))
        return NetworkInput(pixels: input) { normalize(input) }
    }

    private func pad(_ image: RGBImage, left: Int, top: Int) -> RGBImage {
        if image.width == spec.width && image.height == spec.height { return image }
        let fill = spec.cropMode.isPadded ? spec.mean.map { UInt8(evenRound(255 * Double($0))) } : [0, 0, 0]
        var out = (0..<3 * spec.width * spec.height).map { fill[$0 % 3] }
        for row in 0..<image.height {
            let from = 3 * row * image.width
            let target = 3 * ((row + top) * spec.width + left)
            out.replaceSubrange(
                target..<target + 3 * image.width, with: image.pixels[from..<from + 3 * image.width])
        }
        return RGBImage(width: spec.width, height: spec.height, pixels: out)
    }

    private func normalize(_ image: RGBImage) -> [Float] {
        let plane = spec.width * spec.height
        return [Float](unsafeUninitializedCapacity: 3 * plane) { out, count in
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    normalized[channel].withUnsafeBufferPointer { table in
                        for index in 0..<plane {
                            out[channel * plane + index] = table[Int(pixels[3 * index + channel])]
                        }
                    }
                }
            }
            count = 3 * plane
        }
    }
}
