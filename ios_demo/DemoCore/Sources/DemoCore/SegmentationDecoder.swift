/// The class of each pixel of the network's input: logits of `shape` (1, classes, h, w) are resized to
/// it, bilinearly without aligned corners, and the largest wins, the lower index among equals.
///
/// One row after the other: what is resized is never held whole.
public struct SegmentationDecoder: AnswerDecoder {
    private let spec: InputSpec
    private let classes: Int
    private let down: Axis
    private let across: Axis

    public init(_ spec: InputSpec, shape: [Int]) throws {
        guard shape.count == 4, shape[0] == 1, (2...255).contains(shape[1]), shape[2] > 0, shape[3] > 0 else {
            throw BundleError("logits of \(shape) are no segmenter's, (1, classes, height, width)")
        }
        self.spec = spec
        classes = shape[1]
        down = Axis(shape[2], to: spec.height)
        across = Axis(shape[3], to: spec.width)
    }

    public func decode(_ outputs: Outputs, of picture: PictureSize) throws -> Answer {
        let logits = try outputs.named("logits")
        guard logits.count == classes * down.size * across.size else {
            throw BundleError("\(logits.count) logits for \(classes) classes of \(across.size) x \(down.size)")
        }
        let mask = Mask(width: spec.width, height: spec.height, classes: likeliest(logits))
        let placement = Placement(pictureWidth: picture.width, pictureHeight: picture.height, spec)
        return .segmented(Answer.Segmented(mask: mask, shares: mask.shares(of: placement.shown(spec))))
    }

    private func likeliest(_ logits: [Float]) -> [UInt8] {
        var upper = WideRow(classes * spec.width)
        var lower = WideRow(classes * spec.width)
        var best = [Float](repeating: 0, count: spec.width)
        return [UInt8](unsafeUninitializedCapacity: spec.width * spec.height) { found, count in
            logits.withUnsafeBufferPointer { logits in
                for row in 0..<spec.height {
                    if lower.row == down.before[row] { swap(&upper, &lower) }
                    read(logits, down.before[row], into: &upper)
                    read(logits, down.after[row], into: &lower)
                    let classes = UnsafeMutableBufferPointer(
                        rebasing: found[row * spec.width..<(row + 1) * spec.width])
                    choose(upper.values, lower.values, later: down.weight[row], &best, classes)
                }
            }
            count = spec.width * spec.height
        }
    }

    /// One row of all classes' logits, resized along its width.
    private func read(_ logits: UnsafeBufferPointer<Float>, _ wanted: Int, into row: inout WideRow) {
        if row.row == wanted { return }
        row.row = wanted
        row.values.withUnsafeMutableBufferPointer { values in
            for index in 0..<classes {
                let first = (index * down.size + wanted) * across.size
                for column in 0..<spec.width {
                    let later = across.weight[column]
                    values[index * spec.width + column] =
                        (1 - later) * logits[first + across.before[column]]
                        + later * logits[first + across.after[column]]
                }
            }
        }
    }

    private func choose(
        _ upper: [Float], _ lower: [Float], later: Float, _ best: inout [Float],
        _ found: UnsafeMutableBufferPointer<UInt8>
    ) {
        let earlier = 1 - later
        let width = spec.width
        upper.withUnsafeBufferPointer { upper in
            lower.withUnsafeBufferPointer { lower in
                best.withUnsafeMutableBufferPointer { best in
                    best.update(repeating: -.infinity)
                    found.initialize(repeating: 0)
                    for index in 0..<classes {
                        let first = index * width
                        for column in 0..<width {
                            let value = earlier * upper[first + column] + later * lower[first + column]
                            let isLarger = value > best[column]
                            best[column] = isLarger ? value : best[column]
                            found[column] = isLarger ? UInt8(truncatingIfNeeded: index) : found[column]
                        }
                    }
                }
            }
        }
    }

    private struct WideRow {
        var row = -1
        var values: [Float]

        init(_ count: Int) {
            values = [Float](repeating: 0, count: count)
        }
    }
}

/// Between which two of `size` values each pixel lies, and how near the later one, as PyTorch has it.
private struct Axis: Sendable {
    let size: Int
    let before: [Int]
    let after: [Int]
    let weight: [Float]

    init(_ size: Int, to count: Int) {
        self.size = size
        let scale = Float(size) / Float(count)
        let places = (0..<count).map { max(scale * (Float($0) + 0.5) - 0.5, 0) }
        let before = places.map { min(Int($0), size - 1) }
        self.before = before
        after = before.map { min($0 + 1, size - 1) }
        weight = zip(places, before).map { min($0 - Float($1), 1) }
    }
}
