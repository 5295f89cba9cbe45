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

/// A model's outputs by name, batch of one, flat.
public typealias Outputs = [String: [Float]]

extension Outputs {
    /// The output of that name.
    public func named(_ name: String) throws -> [Float] {
        guard let values = self[name] else {
            let known = keys.sorted().joined(separator: ", ")
            throw BundleError("the model has no output \(name); it has \(known)")
        }
        return values
    }
}

/// A network's outputs to an answer: one a task.
public protocol AnswerDecoder: Sendable {
    func decode(_ outputs: Outputs) throws -> Answer
}

/// What decodes the outputs of networks for a task, by its name in model_config.json.
public func answerDecoder(of task: String) throws -> any AnswerDecoder {
    switch task {
    case "classification": ClassificationDecoder()
    default: throw BundleError("this app shows no answers of \(task) networks: build a newer one")
    }
}

/// Classification: the best classes by softmax of the output called logits.
public struct ClassificationDecoder: AnswerDecoder {
    public let count: Int

    public init(count: Int = 5) {
        self.count = count
    }

    public func decode(_ outputs: Outputs) throws -> Answer {
        .ranking(Answer.Ranking(best: TopK.of(try outputs.named("logits"), count: count)))
    }
}
