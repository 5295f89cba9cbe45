/// Holds an answer to a golden picture against Python's detections.
struct DetectionCheck {
    /// Pixels of masks that were told otherwise.
    private(set) var maskPixels = 0
    /// The share of scores that differed.
    private(set) var apart = 0.0

    private let expected: Golden.Boxes
    private let detections: [Detection]
    private let masks: [ObjectMask?]

    init(_ expected: Golden.Boxes, _ picture: PictureSize) throws {
        self.expected = expected
        detections = try expected.detections.map { try $0.detection() }
        masks = try expected.detections.map { one in try one.mask.map { try ObjectMask(picture, runs: $0) } }
    }

    /// What is wrong with an answer to Python's own outputs: the same, but for pixels of masks; nil if nothing.
    mutating func same(_ answer: Answer) -> String? {
        guard case .detected(let found) = answer else { return "is no detections" }
        let other = found.all.map { Detection(classIndex: $0.classIndex, score: $0.score, box: $0.box) }
        guard other == detections else { return "finds \(other), Python \(detections)" }
        let shown = found.above(found.thresholds.scoreThreshold)
        guard shown.count == expected.shown else {
            return "shows \(shown.count) detections, Python \(expected.shown)"
        }
        for (own, golden) in zip(shown, masks) {
            switch (found.mask(own), golden) {
            case (nil, nil): break
            case (let mask?, let golden?): maskPixels += mask.differing(golden)
            default: return "has masks where Python has none, or none where it has"
            }
        }
        if maskPixels <= expected.undecided { return nil }
        return "tells \(maskPixels) pixels of masks otherwise than Python, and \(expected.undecided) may be"
    }

    /// What is wrong with an answer to outputs of this app's own.
    mutating func near(_ answer: Answer) -> String? {
        guard case .detected(let found) = answer else { return "is no detections" }
        apart = DetectionPairs.apart(detections, found.all)
        guard apart <= expected.apart else {
            return "finds what is \(apart) apart from Python's, and \(expected.apart) may be"
        }
        let golden = zip(detections, masks).filter { $0.1 != nil }
        guard !golden.isEmpty else { return nil }
        let own = found.above(found.thresholds.scoreThreshold)
        let drawn = own.map { found.mask($0) }
        let share = DetectionPairs.apart(golden.map(\.0), own) { pair in
            Self.overlap(golden[pair.first].1, drawn[pair.second])
        }
        if share <= 2 * expected.apart { return nil }
        return "has masks that are \(share) apart from Python's, and \(2 * expected.apart) may be"
    }

    private static func overlap(_ first: ObjectMask?, _ second: ObjectMask?) -> Double {
        guard let first, let second else { return 0 }
        let shared = first.shared(second)
        let whole = first.area + second.area - shared
        // Two that have no pixel are alike.
        return whole == 0 ? 1 : Double(shared) / Double(whole)
    }
}
