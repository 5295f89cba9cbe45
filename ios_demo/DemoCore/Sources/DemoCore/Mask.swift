/// How much of a picture is of one class: `pixels` of the network's input, and their `share`, 0...1.
public struct ClassShare: Equatable, Identifiable, Sendable {
    public let classIndex: Int
    public let pixels: Int
    public let share: Double

    public init(classIndex: Int, pixels: Int, share: Double) {
        self.classIndex = classIndex
        self.pixels = pixels
        self.share = share
    }

    public var id: Int { classIndex }
}

/// The class of each pixel of a network's input, row after row.
public struct Mask: Equatable, Sendable {
    public let width: Int
    public let height: Int
    public let classes: [UInt8]

    public init(width: Int, height: Int, classes: [UInt8]) {
        precondition(width > 0 && height > 0 && classes.count == width * height)
        self.width = width
        self.height = height
        self.classes = classes
    }

    /// Of golden.json: a byte for the class and two for the length, the low one first.
    public init(width: Int, height: Int, runs: [UInt8]) throws {
        let lengths = stride(from: 0, to: runs.count - 2, by: 3).map { Int(runs[$0 + 1]) + 256 * Int(runs[$0 + 2]) }
        guard runs.count % 3 == 0, width > 0, height > 0, lengths.reduce(0, +) == width * height else {
            throw BundleError("golden.json has a mask whose runs are not of \(width) x \(height) pixels")
        }
        let classes = lengths.enumerated().flatMap { index, length in
            repeatElement(runs[3 * index], count: length)
        }
        self.init(width: width, height: height, classes: classes)
    }

    /// The classes of the part that `window` says, the largest first, of equals the lower index.
    public func shares(of window: Window) -> [ClassShare] {
        var counts = [Int](repeating: 0, count: 256)
        for row in window.rows {
            for index in row * width + window.columns.lowerBound..<row * width + window.columns.upperBound {
                counts[Int(classes[index])] += 1
            }
        }
        let all = Double(window.rows.count * window.columns.count)
        return counts.indices.filter { counts[$0] > 0 }
            .sorted { (-counts[$0], $0) < (-counts[$1], $1) }
            .map { ClassShare(classIndex: $0, pixels: counts[$0], share: Double(counts[$0]) / all) }
    }

    /// How many pixels the two tell different classes of; all where they differ in size.
    public func differing(_ other: Mask) -> Int {
        guard width == other.width, height == other.height else { return max(classes.count, other.classes.count) }
        return zip(classes, other.classes).reduce(0) { $1.0 == $1.1 ? $0 : $0 + 1 }
    }

    /// Rows of blue, green, red and alpha bytes in the colours of the classes.
    public var bgra: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 4 * classes.count) { out, count in
            for (index, classIndex) in classes.enumerated() {
                let colour = Self.colours[Int(classIndex)]
                out[4 * index] = colour?.blue ?? 0
                out[4 * index + 1] = colour?.green ?? 0
                out[4 * index + 2] = colour?.red ?? 0
                out[4 * index + 3] = colour == nil ? 0 : 255
            }
            count = 4 * classes.count
        }
    }

    private static let colours = (UInt8.min...UInt8.max).map { ClassColour($0) }
}
