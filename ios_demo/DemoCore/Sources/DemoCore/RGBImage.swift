/// An 8-bit RGB picture: rows of interleaved red, green, blue.
public struct RGBImage: Equatable, Sendable {
    public let width: Int
    public let height: Int
    public let pixels: [UInt8]

    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == 3 * width * height)
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// From rows of blue, green, red, alpha bytes, `bytesPerRow` apart: the camera's and Core Graphics' layout.
    public init(bgra: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerRow: Int) {
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        pixels.withUnsafeMutableBufferPointer { out in
            for row in 0..<height {
                var source = row * bytesPerRow
                var target = 3 * row * width
                for _ in 0..<width {
                    out[target] = bgra[source + 2]
                    out[target + 1] = bgra[source + 1]
                    out[target + 2] = bgra[source]
                    source += 4
                    target += 3
                }
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }
}
