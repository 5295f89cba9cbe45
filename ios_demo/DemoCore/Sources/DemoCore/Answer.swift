/// What a network says of one picture; a case a task.
public enum Answer: Equatable, Sendable {
    case ranking(Ranking)

    /// A classifier's answer: classes, best first.
    public struct Ranking: Equatable, Sendable {
        /// From here on the first class is at least as likely as all others together; below it the
        /// network says nothing that one should rely on.
        public static let sureFrom = 0.5

        public let best: [Prediction]

        public init(best: [Prediction]) {
            self.best = best
        }

        public var isSure: Bool {
            best.first.map { $0.probability >= Self.sureFrom } ?? false
        }
    }
}

/// A network's raw output to an answer: one a task.
public protocol AnswerDecoder: Sendable {
    func decode(_ output: [Float]) -> Answer
}

/// Classification: the best classes by softmax of the logits.
public struct ClassificationDecoder: AnswerDecoder {
    public let count: Int

    public init(count: Int = 5) {
        self.count = count
    }

    public func decode(_ output: [Float]) -> Answer {
        .ranking(Answer.Ranking(best: TopK.of(output, count: count)))
    }
}
