/// The source samples that make each output sample of one axis of a resize, and their weights in
/// fixed point.
struct Taps {
    struct Tap {
        let first: Int
        let count: Int
        /// Where its weights begin.
        let base: Int
    }

    static let precisionBits = 22

    private(set) var taps: [Tap] = []
    private(set) var weights: [Int32] = []
    /// From the first source sample of any output to the last.
    private(set) var sources = 0..<0

    /// Of the output samples `wanted`, which are not empty. `weight` reaches `support` to each side,
    /// in output samples when the picture shrinks and in source samples when it grows.
    init(_ support: Double, _ weight: (Double) -> Double, from source: Int, to target: Int, of wanted: Range<Int>) {
        let scale = Double(source) / Double(target)
        let widening = max(scale, 1)
        for index in wanted {
            // Pillow leaves an axis alone whose length stays.
            guard source != target else {
                append(first: index, [1])
                continue
            }
            let center = (Double(index) + 0.5) * scale
            let first = max(0, Int((center - support * widening + 0.5).rounded(.down)))
            let last = min(source, Int((center + support * widening + 0.5).rounded(.down)))
            append(first: first, (first..<last).map { weight((Double($0) - center + 0.5) * (1 / widening)) })
        }
        let first = taps.map(\.first).min() ?? 0
        sources = first..<(taps.map { $0.first + $0.count }.max() ?? first)
    }

    private mutating func append(first: Int, _ values: [Double]) {
        let total = values.reduce(0, +)
        taps.append(Tap(first: first, count: values.count, base: weights.count))
        weights += values.map { Self.fixed($0 / total) }
    }

    private static func fixed(_ weight: Double) -> Int32 {
        let scaled = weight * Double(1 << precisionBits)
        return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
    }
}
