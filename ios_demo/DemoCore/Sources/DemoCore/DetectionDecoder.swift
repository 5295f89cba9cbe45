/// What a detector found, in the picture's pixels, the best first: boxes are mapped back from the
/// network's input, as the picture lies under it. golden.json's schema has every step.
public struct DetectionDecoder: AnswerDecoder {
    private let spec: InputSpec
    private let thresholds: DetectionThresholds
    private let count: Int
    /// Of masks; 0 of a detector without.
    private let side: Int

    public init(_ spec: InputSpec, _ thresholds: DetectionThresholds, _ model: ModelEntry) throws {
        let (boxes, scores) = (try model.output("boxes").shape, try model.output("scores").shape)
        let labels = try model.output("labels").shape
        guard scores.count == 2, scores[0] == 1, labels == scores, boxes == scores + [4] else {
            throw BundleError("boxes of \(boxes), scores of \(scores) and labels of \(labels) are no detector's")
        }
        let masks = model.outputs.first { $0.name == "masks" }?.shape
        let side = masks?.last ?? 0
        guard masks == nil || masks == [1, scores[1], side, side] else {
            throw BundleError("masks of \(masks ?? []) are no detector's")
        }
        self.spec = spec
        self.thresholds = thresholds
        self.side = side
        count = scores[1]
    }

    public func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer {
        let scores = try sized(outputs, "scores", count)
        let boxes = try sized(outputs, "boxes", 4 * count)
        let labels = try sized(outputs, "labels", count)
        let masks = side > 0 ? try sized(outputs, "masks", count * side * side) : nil
        let place = Placement(pictureWidth: picture.width, pictureHeight: picture.height, spec)
        let across = Back(offset: place.left, resized: place.width, pixels: picture.width)
        let down = Back(offset: place.top, resized: place.height, pixels: picture.height)
        let best = scores.indices.filter { scores[$0] > 0 }.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        let found = best.map { index in
            let sides = boxes[4 * index..<4 * index + 4].map { $0 }
            return Detection(
                classIndex: evenRound(Double(labels[index])), score: scores[index],
                box: Box(left: across(sides[0]), top: down(sides[1]), right: across(sides[2]), bottom: down(sides[3])),
                probabilities: masks.map { Array($0[index * side * side..<(index + 1) * side * side]) })
        }
        return .detected(Answer.Detected(all: found, picture: picture, thresholds: thresholds))
    }

    private func sized(_ outputs: Outputs, _ name: String, _ wanted: Int) throws -> [Float] {
        let values = try outputs.named(name)
        guard values.count == wanted else { throw BundleError("\(values.count) values of \(name), not \(wanted)") }
        guard values.allSatisfy(\.isFinite) else { throw BundleError("\(name) that are not finite") }
        return values
    }

    /// From the input's pixels along one side to the picture's.
    private struct Back {
        let offset: Int
        let resized: Int
        let pixels: Int

        /// As float32 has it.
        func callAsFunction(_ place: Float) -> Double {
            let there = (Double(place) + Double(offset)) * (Double(pixels) / Double(resized))
            return Double(Float(min(max(there, 0), Double(pixels))))
        }
    }
}
