/// Percentiles of latencies in milliseconds, interpolated linearly between order statistics.
public struct LatencyStatistics: Equatable, Sendable {
    public let p50: Double
    public let p90: Double
    public let p99: Double
    public let count: Int

    /// Nil without latencies.
    public init?(_ milliseconds: [Double]) {
        guard !milliseconds.isEmpty else { return nil }
        let sorted = milliseconds.sorted()
        p50 = Self.percentile(sorted, 0.50)
        p90 = Self.percentile(sorted, 0.90)
        p99 = Self.percentile(sorted, 0.99)
        count = sorted.count
    }

    /// Definition 7 of Hyndman and Fan (1996), numpy's default.
    private static func percentile(_ sorted: [Double], _ fraction: Double) -> Double {
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
}
