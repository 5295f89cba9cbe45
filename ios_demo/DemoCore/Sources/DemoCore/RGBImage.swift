/// How far a picture is turned clockwise to stand upright.
public enum Rotation: Int, CaseIterable, Sendable {
    case none = 0
    case quarter = 90
    case half = 180
    case threeQuarters = 270

    /// The nearest quarter turn of an angle in degrees, which may be negative or above 360.
    public init(degrees: Double) {
        let quarters = Int((degrees / 90).rounded()) % 4
        self = Self.allCases[(quarters + 4) % 4]
    }

    public var swapsSides: Bool { self == .quarter || self == .threeQuarters }
}

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

    /// From rows of blue, green, red, alpha bytes, `bytesPerRow` apart, which is the camera's and Core
    /// Graphics' layout; turned by `rotation` on the way. `width` and `height` are the source's.
    public init(
        bgra: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerRow: Int, rotation: Rotation = .none
    ) {
        let turn = Turn(rotation, width: width, height: height)
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { out, count in
            for left in stride(from: 0, to: width, by: Self.block) {
                let columns = left..<min(left + Self.block, width)
                for row in 0..<height {
                    var source = row * bytesPerRow + 4 * left
                    var target = turn.start + left * turn.column + row * turn.row
                    for _ in columns {
                        out[target] = bgra[source + 2]
                        out[target + 1] = bgra[source + 1]
                        out[target + 2] = bgra[source]
                        source += 4
                        target += turn.column
                    }
                }
            }
            count = 3 * width * height
        }
        self.init(
            width: rotation.swapsSides ? height : width, height: rotation.swapsSides ? width : height,
            pixels: pixels)
    }

    /// Rows of blue, green, red and 255, one behind the other: what Core Graphics and pixel buffers have.
    public var bgra: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 4 * width * height) { out, count in
            pixels.withUnsafeBufferPointer { pixels in
                for index in 0..<width * height {
                    out[4 * index] = pixels[3 * index + 2]
                    out[4 * index + 1] = pixels[3 * index + 1]
                    out[4 * index + 2] = pixels[3 * index]
                    out[4 * index + 3] = 255
                }
            }
            count = 4 * width * height
        }
    }

    /// Source columns that are written together: turned, each is a row of the target, and this many
    /// rows' cache lines stay in the first-level cache.
    private static let block = 64

    /// Where the source's first pixel goes, and how far its next column and row are from there, in bytes.
    private struct Turn {
        let start: Int
        let column: Int
        let row: Int

        init(_ rotation: Rotation, width: Int, height: Int) {
            switch rotation {
            case .none: (start, column, row) = (0, 3, 3 * width)
            case .quarter: (start, column, row) = (3 * (height - 1), 3 * height, -3)
            case .half: (start, column, row) = (3 * (width * height - 1), -3, -3 * width)
            case .threeQuarters: (start, column, row) = (3 * height * (width - 1), -3 * height, 3)
            }
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies `bytes`, so many rows one behind the other, to rows that begin `bytesPerRow` apart.
    public func copy(rows: Int, of bytes: [UInt8], bytesPerRow: Int) {
        let length = bytes.count / rows
        bytes.withUnsafeBytes { source in
            for row in 0..<rows {
                Self(rebasing: self[row * bytesPerRow..<row * bytesPerRow + length])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[row * length..<(row + 1) * length]))
            }
        }
    }
}
