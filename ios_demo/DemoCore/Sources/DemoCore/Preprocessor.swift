import Foundation

/// A network input: the 8-bit picture the network sees, and its normalized NCHW tensor.
public struct NetworkInput: Sendable {
    public let pixels: RGBImage
    public let tensor: [Float]

    public init(pixels: RGBImage, tensor: [Float]) {
        self.pixels = pixels
        self.tensor = tensor
    }
}

/// Pictures of any size to network inputs.
public protocol Preprocessor {
    func prepare(_ image: RGBImage) -> NetworkInput
}

/// timm's evaluation transform, as `zoo.preprocess` of the toolkit has it; golden.json pins it.
public struct TimmPreprocessor: Preprocessor, Sendable {
    private let spec: InputSpec

    public init(_ spec: InputSpec) {
        self.spec = spec
    }

    public func prepare(_ image: RGBImage) -> NetworkInput {
        let (width, height) = resizedSize(image)
        let resized = Resample.resize(image, width: width, height: height, interpolation: spec.interpolation)
        let cropped = center(resized)
        return NetworkInput(pixels: cropped, tensor: normalize(cropped))
    }

    private func resizedSize(_ image: RGBImage) -> (Int, Int) {
        let width = Int((Double(spec.width) / spec.cropPct).rounded(.down))
        let height = Int((Double(spec.height) / spec.cropPct).rounded(.down))
        switch spec.cropMode {
        case .squash:
            return (width, height)
        case .border:
            return keepRatio(image, width, height, max)
        case .center where width != height:
            return keepRatio(image, width, height, min)
        case .center:
            // torchvision truncates the longer side where timm's ResizeKeepRatio rounds it.
            if image.width <= image.height {
                return (width, Int(Double(width * image.height) / Double(image.width)))
            }
            return (Int(Double(width * image.width) / Double(image.height)), width)
        }
    }

    private func keepRatio(
        _ image: RGBImage, _ width: Int, _ height: Int, _ choose: (Double, Double) -> Double
    ) -> (Int, Int) {
        let ratio = choose(
            Double(image.height) / Double(height), Double(image.width) / Double(width))
        return (evenRound(Double(image.width) / ratio), evenRound(Double(image.height) / ratio))
    }

    private func center(_ image: RGBImage) -> RGBImage {
        let left = offset(image.width, spec.width)
        let top = offset(image.height, spec.height)
        var out = background()
        let columns = max(0, -left)..<min(spec.width, image.width - left)
        for row in max(0, -top)..<min(spec.height, image.height - top) {
            let from = 3 * ((row + top) * image.width + columns.lowerBound + left)
            let target = 3 * (row * spec.width + columns.lowerBound)
            out.replaceSubrange(
                target..<target + 3 * columns.count, with: image.pixels[from..<from + 3 * columns.count])
        }
        return RGBImage(width: spec.width, height: spec.height, pixels: out)
    }

    /// Pixels before the crop, or minus the border's: borders are rounded down, crops to even.
    private func offset(_ size: Int, _ target: Int) -> Int {
        size < target ? -((target - size) / 2) : evenRound(Double(size - target) / 2)
    }

    private func background() -> [UInt8] {
        let fill = spec.cropMode == .border ? spec.mean.map { UInt8(evenRound(255 * Double($0))) } : [0, 0, 0]
        return (0..<3 * spec.width * spec.height).map { fill[$0 % 3] }
    }

    private func normalize(_ image: RGBImage) -> [Float] {
        let plane = spec.width * spec.height
        var tensor = [Float](repeating: 0, count: 3 * plane)
        for channel in 0..<3 {
            let (mean, std) = (spec.mean[channel], spec.std[channel])
            for index in 0..<plane {
                tensor[channel * plane + index] = (Float(image.pixels[3 * index + channel]) / 255 - mean) / std
            }
        }
        return tensor
    }

    private func evenRound(_ value: Double) -> Int {
        Int(value.rounded(.toNearestOrEven))
    }
}
