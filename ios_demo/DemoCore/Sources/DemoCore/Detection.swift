/// One object that a detector found: its box in the picture's continuous pixels, and with masks the
/// probabilities, row by row, of a square over the box.
public struct Detection: Equatable, Sendable {
    public let classIndex: Int
    public let score: Float
    public let box: Box
    public let probabilities: [Float]?

    public init(classIndex: Int, score: Float, box: Box, probabilities: [Float]? = nil) {
        self.classIndex = classIndex
        self.score = score
        self.box = box
        self.probabilities = probabilities
    }

    /// The pixels of a picture that are the object's, those from `threshold` on; nil of a detector without
    /// masks. golden.json's schema has every step.
    public func mask(_ picture: PictureSize, threshold: Double) -> ObjectMask? {
        guard let probabilities else { return nil }
        guard box.right > box.left, box.bottom > box.top else { return ObjectMask() }
        let side = evenRound(Double(probabilities.count).squareRoot())
        let rows = MaskAxis(box.top, box.bottom, side, picture.height)
        let columns = MaskAxis(box.left, box.right, side, picture.width)
        var line = [Double](repeating: 0, count: side)
        var inside: [Bool] = []
        inside.reserveCapacity(rows.count * columns.count)
        for row in 0..<rows.count {
            for place in 0..<side {
                line[place] = rows.weighted(row) { Double(probabilities[$0 * side + place]) }
            }
            for column in 0..<columns.count {
                inside.append(columns.weighted(column) { line[$0] } >= threshold)
            }
        }
        return ObjectMask(
            left: columns.first, top: rows.first, width: columns.count, height: rows.count, inside: inside)
    }
}

/// The pixels from a box's start to its end, and of which two of a mask's `side` values each is made.
private struct MaskAxis {
    let first: Int
    let count: Int
    private let side: Int
    private let places: [Double]
    private let before: [Int]

    init(_ start: Double, _ end: Double, _ side: Int, _ pixels: Int) {
        self.side = side
        let first = min(max(Int(start.rounded(.down)), 0), pixels)
        self.first = first
        count = max(first, min(pixels, Int(end.rounded(.up)))) - first
        places = (0..<count).map { (Double($0 + first) + 0.5 - start) / (end - start) * Double(side) - 0.5 }
        before = places.map { Int($0.rounded(.down)) }
    }

    /// Beyond the mask there is nothing.
    func weighted(_ pixel: Int, _ value: (Int) -> Double) -> Double {
        var sum = 0.0
        for place in before[pixel]...before[pixel] + 1 where (0..<side).contains(place) {
            sum += max(0, 1 - abs(places[pixel] - Double(place))) * value(place)
        }
        return sum
    }
}

/// Pixels of a picture: those of the rectangle at `left`, `top` that are inside, row after row; no others.
public struct ObjectMask: Equatable, Sendable {
    public let left: Int
    public let top: Int
    public let width: Int
    public let height: Int
    public let inside: [Bool]

    /// No pixel, unless told otherwise.
    public init(left: Int = 0, top: Int = 0, width: Int = 0, height: Int = 0, inside: [Bool] = []) {
        precondition(inside.count == width * height)
        self.left = left
        self.top = top
        self.width = width
        self.height = height
        self.inside = inside
    }

    /// Of golden.json: lengths of runs without and with the object in turn, down the columns of a picture.
    public init(_ picture: PictureSize, runs: [Int]) throws {
        guard runs.allSatisfy({ $0 >= 0 }), runs.reduce(0, +) == picture.width * picture.height else {
            throw BundleError(
                "golden.json has a mask whose runs are not of \(picture.width) x \(picture.height) pixels")
        }
        var inside = [Bool](repeating: false, count: picture.width * picture.height)
        var start = 0
        for (index, length) in runs.enumerated() {
            if index % 2 == 1 {
                for pixel in start..<start + length {
                    inside[pixel % picture.height * picture.width + pixel / picture.height] = true
                }
            }
            start += length
        }
        self.init(width: picture.width, height: picture.height, inside: inside)
    }

    /// Whether a pixel of the picture is the object's.
    public subscript(column: Int, row: Int) -> Bool {
        guard (0..<width).contains(column - left), (0..<height).contains(row - top) else { return false }
        return inside[(row - top) * width + column - left]
    }

    public var area: Int { inside.reduce(0) { $1 ? $0 + 1 : $0 } }

    /// How many pixels are both objects'.
    public func shared(_ other: ObjectMask) -> Int {
        let rows = max(top, other.top)..<max(top, other.top, min(top + height, other.top + other.height))
        let columns = max(left, other.left)..<max(left, other.left, min(left + width, other.left + other.width))
        var count = 0
        for row in rows {
            for column in columns where self[column, row] && other[column, row] { count += 1 }
        }
        return count
    }

    /// How many pixels are only one object's.
    public func differing(_ other: ObjectMask) -> Int {
        area + other.area - 2 * shared(other)
    }
}
