/// The part of a resized picture that is wanted, in its pixels; not empty.
public struct Window: Equatable, Sendable {
    public let columns: Range<Int>
    public let rows: Range<Int>

    public init(columns: Range<Int>, rows: Range<Int>) {
        self.columns = columns
        self.rows = rows
    }
}

/// Pillow's resize, to the bit: a separable filter that widens with the reduction (antialiasing),
/// its weights in 22-bit fixed point, each pass rounded to 8 bits, rows first.
public enum Resample {
    /// The `window` of `image` resized to `width` x `height`; nothing outside it is computed.
    public static func resize(
        _ image: RGBImage, width: Int, height: Int, interpolation: Interpolation, window: Window
    ) -> RGBImage {
        let support: Double
        let weight: (Double) -> Double
        switch interpolation {
        case .nearest:
            return nearest(image, width: width, height: height, window)
        case .bilinear:
            (support, weight) = (1, { max(0, 1 - abs($0)) })
        case .bicubic:
            (support, weight) = (2, cubic)
        }
        return filtered(
            image,
            columns: Taps(support, weight, from: image.width, to: width, of: window.columns),
            rows: Taps(support, weight, from: image.height, to: height, of: window.rows))
    }

    private static func nearest(_ image: RGBImage, width: Int, height: Int, _ window: Window) -> RGBImage {
        let columns = nearestSamples(from: image.width, to: width)[window.columns]
        let rows = nearestSamples(from: image.height, to: height)[window.rows]
        var out = [UInt8]()
        out.reserveCapacity(3 * columns.count * rows.count)
        for row in rows {
            for column in columns {
                let from = 3 * (row * image.width + column)
                out.append(contentsOf: image.pixels[from..<from + 3])
            }
        }
        return RGBImage(width: columns.count, height: rows.count, pixels: out)
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

    private static func filtered(_ image: RGBImage, columns: Taps, rows: Taps) -> RGBImage {
        let stride = 3 * columns.taps.count
        // The source rows that the vertical pass reads, their columns filtered.
        let between = filled(stride * rows.sources.count) { out in
            image.pixels.withUnsafeBufferPointer { source in
                for (index, row) in rows.sources.enumerated() {
                    filterRow(source, 3 * row * image.width, columns, out.row(index, of: stride))
                }
            }
        }
        var sums = [Int32](repeating: 0, count: stride)
        let pixels = filled(stride * rows.taps.count) { out in
            between.withUnsafeBufferPointer { source in
                sums.withUnsafeMutableBufferPointer { sums in
                    for (index, tap) in rows.taps.enumerated() {
                        let from = (tap.first - rows.sources.lowerBound) * stride
                        let weights = rows.weights[tap.base..<tap.base + tap.count]
                        mixRows(source, from, weights, sums, out.row(index, of: stride))
                    }
                }
            }
        }
        return RGBImage(width: columns.taps.count, height: rows.taps.count, pixels: pixels)
    }

    private static func filled(_ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            fill(buffer)
            initialized = count
        }
    }

    private static let half: Int32 = 1 << (Taps.precisionBits - 1)

    /// One row, whose pixels begin at `start`, to `out`.
    private static func filterRow(
        _ source: UnsafeBufferPointer<UInt8>, _ start: Int, _ columns: Taps, _ out: UnsafeMutableBufferPointer<UInt8>
    ) {
        columns.weights.withUnsafeBufferPointer { weights in
            var target = 0
            for tap in columns.taps {
                var (red, green, blue) = (half, half, half)
                var from = start + 3 * tap.first
                for index in tap.base..<tap.base + tap.count {
                    let weight = weights[index]
                    red &+= Int32(source[from]) &* weight
                    green &+= Int32(source[from + 1]) &* weight
                    blue &+= Int32(source[from + 2]) &* weight
                    from += 3
                }
                out[target] = UInt8(clamping: red >> Taps.precisionBits)
                out[target + 1] = UInt8(clamping: green >> Taps.precisionBits)
                out[target + 2] = UInt8(clamping: blue >> Taps.precisionBits)
                target += 3
            }
        }
    }

    /// Whole rows are summed up one after the other, which the compiler turns into vector code; the first
    /// begins at `from`.
    private static func mixRows(
        _ source: UnsafeBufferPointer<UInt8>, _ from: Int, _ weights: ArraySlice<Int32>,
        _ sums: UnsafeMutableBufferPointer<Int32>, _ out: UnsafeMutableBufferPointer<UInt8>
    ) {
        sums.update(repeating: half)
        var row = from
        for weight in weights {
            for index in 0..<sums.count { sums[index] &+= Int32(source[row + index]) &* weight }
            row += sums.count
        }
        for index in 0..<sums.count { out[index] = UInt8(clamping: sums[index] >> Taps.precisionBits) }
    }
}

extension UnsafeMutableBufferPointer {
    fileprivate func row(_ index: Int, of length: Int) -> Self {
        Self(rebasing: self[index * length..<(index + 1) * length])
    }
}
