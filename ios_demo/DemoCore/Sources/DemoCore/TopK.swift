import Foundation

/// One answer of a classifier; `probability` is the softmax of the logits, 0...1.
public struct Prediction: Equatable, Identifiable, Sendable {
    public let classIndex: Int
    public let probability: Double

    public init(classIndex: Int, probability: Double) {
        self.classIndex = classIndex
        self.probability = probability
    }

    public var id: Int { classIndex }
}

public enum TopK {
    public static func softmax(_ logits: [Float]) -> [Double] {
        guard let top = logits.max() else { return [] }
        let powers = logits.map { exp(Double($0 - top)) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }

    /// The best classes, best first; of equals the lower index comes first.
    public static func of(_ logits: [Float], count: Int = 5) -> [Prediction] {
        let probabilities = softmax(logits)
        return logits.indices
            .sorted { (-logits[$0], $0) < (-logits[$1], $1) }
            .prefix(count)
            .map { Prediction(classIndex: $0, probability: probabilities[$0]) }
    }
}
