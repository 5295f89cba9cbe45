/// What a network says of one picture; a case a task.
public enum Answer: Equatable, Sendable {
    case ranking(Ranking)
    case segmented(Segmented)
    case detected(Detected)

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

    /// A segmenter's answer: the class of each pixel of the network's input, and the classes in the
    /// picture, the largest first.
    public struct Segmented: Equatable, Sendable {
        public let mask: Mask
        public let shares: [ClassShare]

        public init(mask: Mask, shares: [ClassShare]) {
            self.mask = mask
            self.shares = shares
        }
    }

    /// A detector's answer: all objects that it found in an upright picture, the best first.
    public struct Detected: Equatable, Sendable {
        public let all: [Detection]
        public let picture: PictureSize
        public let thresholds: DetectionThresholds

        public init(all: [Detection], picture: PictureSize, thresholds: DetectionThresholds) {
            self.all = all
            self.picture = picture
            self.thresholds = thresholds
        }

        /// Those with a score above `score`.
        public func above(_ score: Float) -> [Detection] {
            Array(all.prefix { $0.score > score })
        }

        /// The pixels of one of them; nil of a detector without masks.
        public func mask(_ detection: Detection) -> ObjectMask? {
            detection.mask(picture, threshold: thresholds.maskThreshold)
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

/// A picture's pixels, along its sides.
public struct PictureSize: Equatable, Sendable {
    public let width: Int
    public let height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}

/// A network's outputs to an answer: one a task.
public protocol AnswerDecoder: Sendable {
    /// Of a picture of that size, which lies under the network's input as its placement says.
    func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer
}

/// What decodes the outputs of a model, by the task in model_config.json.
public func answerDecoder(_ config: ModelConfig, _ model: ModelEntry) throws -> any AnswerDecoder {
    switch config.task {
    case "classification": ClassificationDecoder()
    case "segmentation": try SegmentationDecoder(config.input, shape: model.output("logits").shape)
    case "detection": try DetectionDecoder(config.input, config.thresholds(), model)
    default: throw BundleError("this app shows no answers of \(config.task) networks: build a newer one")
    }
}

/// Classification: the best classes by softmax of the output called logits.
public struct ClassificationDecoder: AnswerDecoder {
    public let count: Int

    public init(count: Int = 5) {
        self.count = count
    }

    public func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer {
        .ranking(Answer.Ranking(best: TopK.of(try outputs.named("logits"), count: count)))
    }
}
