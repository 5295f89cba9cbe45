/// A detection of each side, by index, and their boxes' intersection over union.
public struct DetectionPair: Equatable, Sendable {
    public let first: Int
    public let second: Int
    public let overlap: Double
}

/// Which detections of two answers are the same, and how much of them differs.
public enum DetectionPairs {
    private static let leastOverlap = 0.5

    /// Those of one class that overlap by half or more, those that overlap most first.
    public static func of(_ first: [Detection], _ second: [Detection]) -> [DetectionPair] {
        let alike = first.indices.flatMap { one in
            second.indices.filter { first[one].classIndex == second[$0].classIndex }
                .map { DetectionPair(first: one, second: $0, overlap: overlap(first[one].box, second[$0].box)) }
        }
        var (firsts, seconds) = (Set<Int>(), Set<Int>())
        return alike.filter { $0.overlap >= leastOverlap }
            .sorted { (-$0.overlap, $0.first, $0.second) < (-$1.overlap, $1.first, $1.second) }
            .filter { pair in
                guard !firsts.contains(pair.first), !seconds.contains(pair.second) else { return false }
                firsts.insert(pair.first)
                seconds.insert(pair.second)
                return true
            }
    }

    /// What share of both sides' scores differs, 0...1; `overlap` says how far a pair covers each other. Boxes
    /// without area, such as those in the padding, count for nothing.
    public static func apart(
        _ first: [Detection], _ second: [Detection], overlap: (DetectionPair) -> Double = \.overlap
    ) -> Double {
        let total = (first + second).filter { area($0.box) > 0 }.reduce(0) { $0 + Double($1.score) }
        guard total > 0 else { return 0 }
        let alike = of(first, second).reduce(0) { sum, pair in
            sum + 2 * Double(min(first[pair.first].score, second[pair.second].score)) * overlap(pair)
        }
        return max(0, 1 - alike / total)
    }

    static func overlap(_ first: Box, _ second: Box) -> Double {
        let width = min(first.right, second.right) - max(first.left, second.left)
        let height = min(first.bottom, second.bottom) - max(first.top, second.top)
        guard width > 0, height > 0 else { return 0 }
        return width * height / (area(first) + area(second) - width * height)
    }

    private static func area(_ box: Box) -> Double { box.width * box.height }
}
