import Foundation

extension Golden {
    public struct Ranked: Codable, Sendable {
        public var `class`: Int
        public var probability: Double
    }

    public struct Share: Codable, Sendable {
        public var `class`: Int
        public var pixels: Int
    }

    /// The class of each pixel, base64 in the file, and how many pixels each class has in the picture. An
    /// app may tell `undecided` pixels otherwise of the same logits, `close` ones of its own.
    public struct Segmented: Codable, Sendable {
        public var width: Int
        public var height: Int
        public var runs: Data
        public var shares: [Share]
        public var undecided: Int
        public var close: Int

        public func mask() throws -> Mask {
            try Mask(width: width, height: height, runs: [UInt8](runs))
        }
    }

    /// One detection, with the mask that is shown of it, as runs down the picture's columns.
    public struct Detected: Codable, Sendable {
        public var `class`: Int
        public var score: Float
        public var box: [Double]
        public var mask: [Int]?

        public func detection() throws -> Detection {
            guard box.count == 4 else { throw BundleError("golden.json has a box of \(box.count) sides") }
            return Detection(
                classIndex: `class`, score: score, box: Box(left: box[0], top: box[1], right: box[2], bottom: box[3]))
        }
    }

    /// What was found, the best first, of which `shown` are. An app may tell `undecided` pixels of their masks
    /// otherwise of the same outputs; of its own `apart` of the scores may differ.
    public struct Boxes: Codable, Sendable {
        public var detections: [Detected]
        public var shown: Int
        public var undecided: Int
        public var apart: Double
    }

    /// Python's answer; each task has its kind.
    public enum Answer: Codable, Sendable {
        case ranking([Ranked])
        case segmented(Segmented)
        case boxes(Boxes)

        var isDetections: Bool {
            if case .boxes = self { true } else { false }
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnswerKey.self)
            switch try container.decode(String.self, forKey: .kind) {
            case "ranking": self = .ranking(try container.decode([Ranked].self, forKey: .top))
            case "mask": self = .segmented(try Segmented(from: decoder))
            case "boxes": self = .boxes(try Boxes(from: decoder))
            case let kind: throw BundleError("golden.json has answers of the kind \(kind): build a newer app")
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: AnswerKey.self)
            switch self {
            case .ranking(let top):
                try container.encode("ranking", forKey: .kind)
                try container.encode(top, forKey: .top)
            case .segmented(let segmented):
                try container.encode("mask", forKey: .kind)
                try segmented.encode(to: encoder)
            case .boxes(let boxes):
                try container.encode("boxes", forKey: .kind)
                try boxes.encode(to: encoder)
            }
        }
    }
}

private enum AnswerKey: String, CodingKey { case kind, top }
