/// A place in continuous pixels: pixel i covers [i, i + 1), the origin is the left upper corner, y
/// points down.
public struct Point: Equatable, Sendable {
    public var x: Double
    public var y: Double

    public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}

/// A size in pixels or points.
public struct Size: Equatable, Sendable {
    public var width: Double
    public var height: Double

    public init(_ width: Double, _ height: Double) {
        self.width = width
        self.height = height
    }

    /// All of it.
    public var box: Box { Box(left: 0, top: 0, right: width, bottom: height) }
}

/// A rectangle along the axes.
public struct Box: Equatable, Sendable {
    public var left: Double
    public var top: Double
    public var right: Double
    public var bottom: Double

    public init(left: Double, top: Double, right: Double, bottom: Double) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    /// The one around points.
    public init(around points: [Point]) {
        let (xs, ys) = (points.map(\.x), points.map(\.y))
        self.init(
            left: xs.min() ?? 0, top: ys.min() ?? 0, right: xs.max() ?? 0, bottom: ys.max() ?? 0)
    }

    public var width: Double { right - left }
    public var height: Double { bottom - top }

    /// The part within 0...size.
    public func within(_ size: Size) -> Box {
        Box(
            left: max(left, 0), top: max(top, 0), right: min(right, size.width), bottom: min(bottom, size.height))
    }
}

/// x' = a x + b y + c, y' = d x + e y + f.
public struct Affine: Equatable, Sendable {
    public let row: [Double]

    public init(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ e: Double, _ f: Double) {
        row = [a, b, c, d, e, f]
    }

    public func callAsFunction(_ point: Point) -> Point {
        Point(
            row[0] * point.x + row[1] * point.y + row[2], row[3] * point.x + row[4] * point.y + row[5])
    }

    /// The box around a turned box; exact for quarter turns, flips and scales.
    public func callAsFunction(_ box: Box) -> Box {
        Box(around: [self(Point(box.left, box.top)), self(Point(box.right, box.bottom))])
    }

    /// The map that applies `first`, then this one.
    public func after(_ first: Affine) -> Affine {
        let origin = self(Point(first.row[2], first.row[5]))
        return Affine(
            row[0] * first.row[0] + row[1] * first.row[3], row[0] * first.row[1] + row[1] * first.row[4], origin.x,
            row[3] * first.row[0] + row[4] * first.row[3], row[3] * first.row[1] + row[4] * first.row[4], origin.y)
    }

    /// The map back; its own must not flatten the plane.
    public var inverse: Affine {
        let area = row[0] * row[4] - row[1] * row[3]
        let (a, b, d, e) = (row[4] / area, -row[1] / area, -row[3] / area, row[0] / area)
        return Affine(a, b, -(a * row[2] + b * row[5]), d, e, -(d * row[2] + e * row[5]))
    }
}
