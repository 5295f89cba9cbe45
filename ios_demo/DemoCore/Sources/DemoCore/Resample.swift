import Foundation

/// Pillow's resize, to the bit: a separable filter that widens with the reduction (antialiasing),
/// its weights in 22-bit fixed point, each pass rounded to 8 bits, rows first.
public enum Resample {
    private static let precisionBits = 22

    /// The source samples that make one output sample: the first one, and a weight for each.
    private struct Taps {
        let first: Int
        let weights: [Int32]
    }

    public static func resize(
        _ image: RGBImage, width: Int, height: Int, interpolation: Interpolation
    ) -> RGBImage {
        if image.width == width && image.height == height { return image }
        let support: Double
        let weight: (Double) -> Double
        switch interpolation {
        case .nearest:
            return nearest(image, width: width, height: height)
        case .bilinear:
            (support, weight) = (1, { max(0, 1 - abs($0)) })
        case .bicubic:
            (support, weight) = (2, cubic)
        }
        var result = image
        if image.width != width {
            result = horizontal(result, taps(support, weight, from: image.width, to: width))
        }
        if image.height != height {
            result = vertical(result, taps(support, weight, from: image.height, to: height))
        }
        return result
    }

    private static func nearest(_ image: RGBImage, width: Int, height: Int) -> RGBImage {
        let columns = nearestSamples(from: image.width, to: width)
        var out = [UInt8]()
        out.reserveCapacity(3 * width * height)
        for row in nearestSamples(from: image.height, to: height) {
            for column in columns {
                let from = 3 * (row * image.width + column)
                out.append(contentsOf: image.pixels[from..<from + 3])
            }
        }
        return RGBImage(width: width, height: height, pixels: out)
    }

    /// Positions are summed up as Pillow does, since multiplied ones round to other samples.
    private static func nearestSamples(from source: Int, to target: Int) -> [Int] {
        let scale = Double(source) / Double(target)
        var position = 0.5 * scale
        return (0..<target).map { _ in
            defer { position += scale }
            return Int(position)
        }
    }

    /// Keys' cubic convolution with a = -0.5 (doi:10.1109/TASSP.1981.1163711).
    private static func cubic(_ offset: Double) -> Double {
        let slope = -0.5
        let distance = abs(offset)
        if distance < 1 {
            return ((slope + 2) * distance - (slope + 3)) * distance * distance + 1
        }
        return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * slope : 0
    }

    private static func taps(
        _ filterSupport: Double, _ weight: (Double) -> Double, from source: Int, to target: Int
    ) -> [Taps] {
        let scale = Double(source) / Double(target)
        let widening = max(scale, 1)
        let support = filterSupport * widening
        return (0..<target).map { index in
            let center = (Double(index) + 0.5) * scale
            let first = max(0, Int((center - support + 0.5).rounded(.down)))
            let last = min(source, Int((center + support + 0.5).rounded(.down)))
            let weights = (first..<last).map { weight((Double($0) - center + 0.5) * (1 / widening)) }
            let total = weights.reduce(0, +)
            return Taps(first: first, weights: weights.map { fixed($0 / total) })
        }
    }

    private static func fixed(_ weight: Double) -> Int32 {
        let scaled = weight * Double(1 << precisionBits)
        return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
    }

    private static func horizontal(_ image: RGBImage, _ taps: [Taps]) -> RGBImage {
        let width = taps.count
        let pixels = filled(3 * width * image.height) { out in
            image.pixels.withUnsafeBufferPointer { source in
                for row in 0..<image.height {
                    for (column, tap) in taps.enumerated() {
                        let from = 3 * (row * image.width + tap.first)
                        accumulate(source, from, 3, tap.weights, out, 3 * (row * width + column))
                    }
                }
            }
        }
        return RGBImage(width: width, height: image.height, pixels: pixels)
    }

    private static func vertical(_ image: RGBImage, _ taps: [Taps]) -> RGBImage {
        let stride = 3 * image.width
        let pixels = filled(stride * taps.count) { out in
            image.pixels.withUnsafeBufferPointer { source in
                for (row, tap) in taps.enumerated() {
                    for column in 0..<image.width {
                        let from = tap.first * stride + 3 * column
                        accumulate(source, from, stride, tap.weights, out, row * stride + 3 * column)
                    }
                }
            }
        }
        return RGBImage(width: image.width, height: taps.count, pixels: pixels)
    }

    private static func filled(_ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            fill(buffer)
            initialized = count
        }
    }

    // The pointers keep bounds checks out of the inner loop of debug builds.
    // swiftlint:disable:next function_parameter_count
    private static func accumulate(
        _ source: UnsafeBufferPointer<UInt8>,
        _ from: Int,
        _ stride: Int,
        _ weights: [Int32],
        _ out: UnsafeMutableBufferPointer<UInt8>,
        _ target: Int
    ) {
        for channel in 0..<3 {
            var sum: Int32 = 1 << (precisionBits - 1)
            var index = from + channel
            for weight in weights {
                sum &+= Int32(source[index]) &* weight
                index += stride
            }
            out[target + channel] = UInt8(clamping: sum >> precisionBits)
        }
    }
}
