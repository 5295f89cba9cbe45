/// What one picture took, in milliseconds.
public struct StageTimes: Equatable, Sendable {
    /// Conversion and rotation of the camera's frame.
    public var camera: Double
    /// Resize, crop, and what the model takes of that: normalized values, or pixels.
    public var prepare: Double
    public var infer: Double
    /// Outputs to an answer.
    public var decode: Double

    public init(camera: Double, prepare: Double, infer: Double, decode: Double) {
        self.camera = camera
        self.prepare = prepare
        self.infer = infer
        self.decode = decode
    }
}

/// The live view's numbers: medians of each stage, and more of the inference.
public struct LiveTimes: Equatable, Sendable {
    public let stages: StageTimes
    public let inference: LatencyStatistics
    /// Answers a second; nil until there are two within the window.
    public let framesPerSecond: Double?
}

/// The last pictures' times.
public struct TimesWindow: Sendable {
    private static let capacity = 100
    /// Frames older than this, in nanoseconds, say nothing of the present rate.
    private static let rateSpan: UInt64 = 2_000_000_000

    private var pictures: [StageTimes] = []
    private var answered: [UInt64] = []

    public init() {}

    /// `now` is a monotonic clock in nanoseconds.
    public mutating func add(_ times: StageTimes, at now: UInt64) {
        if pictures.count == Self.capacity { pictures.removeFirst() }
        pictures.append(times)
        answered.removeAll { now - $0 > Self.rateSpan }
        answered.append(now)
    }

    /// Nil without pictures.
    public var times: LiveTimes? {
        func median(_ stage: KeyPath<StageTimes, Double>) -> Double {
            LatencyStatistics(pictures.map { $0[keyPath: stage] })?.p50 ?? 0
        }
        guard let inference = LatencyStatistics(pictures.map(\.infer)) else { return nil }
        let stages = StageTimes(
            camera: median(\.camera), prepare: median(\.prepare), infer: inference.p50, decode: median(\.decode))
        return LiveTimes(stages: stages, inference: inference, framesPerSecond: framesPerSecond)
    }

    private var framesPerSecond: Double? {
        guard let first = answered.first, let last = answered.last, last > first else { return nil }
        return Double(answered.count - 1) / (Double(last - first) / 1e9)
    }
}

/// Lets something through at most once an interval, so that numbers can be read.
public struct Throttle: Sendable {
    private let interval: UInt64
    private var last: UInt64?

    public init(milliseconds: UInt64) {
        interval = milliseconds * 1_000_000
    }

    /// `now` is a monotonic clock in nanoseconds.
    public mutating func passes(at now: UInt64) -> Bool {
        if let last, now - last < interval { return false }
        last = now
        return true
    }
}
