/// Where a picture lies under the network's input: resized to `width` x `height` pixels, with the
/// input's left upper corner at `left`, `top` of the resized picture: positive where that is
/// cropped, negative where it is padded.
public struct Placement: Equatable, Sendable {
    public let width: Int
    public let height: Int
    public let left: Int
    public let top: Int

    /// timm's arithmetic, as `zoo.preprocess.placement` has it, of a picture of `pictureWidth` x
    /// `pictureHeight` pixels.
    public init(pictureWidth: Int, pictureHeight: Int, _ spec: InputSpec) {
        let width = Int((Double(spec.width) / spec.cropPct).rounded(.down))
        let height = Int((Double(spec.height) / spec.cropPct).rounded(.down))
        let size: (Int, Int)
        switch spec.cropMode {
        case .squash:
            size = (width, height)
        case .border, .letterbox:
            size = Self.keepRatio(pictureWidth, pictureHeight, width, height, max)
        case .center where width != height:
            size = Self.keepRatio(pictureWidth, pictureHeight, width, height, min)
        case .center:
            // torchvision truncates the longer side where timm's ResizeKeepRatio rounds it.
            size =
                pictureWidth <= pictureHeight
                ? (width, Int(Double(width * pictureHeight) / Double(pictureWidth)))
                : (Int(Double(width * pictureWidth) / Double(pictureHeight)), width)
        }
        (self.width, self.height) = size
        let isCentred = spec.cropMode != .letterbox
        left = isCentred ? Self.offset(size.0, spec.width) : 0
        top = isCentred ? Self.offset(size.1, spec.height) : 0
    }

    /// The part of the input that shows the picture: all but padding.
    public func shown(_ spec: InputSpec) -> Window {
        Window(
            columns: max(0, -left)..<min(spec.width, width - left),
            rows: max(0, -top)..<min(spec.height, height - top))
    }

    private static func keepRatio(
        _ pictureWidth: Int, _ pictureHeight: Int, _ width: Int, _ height: Int,
        _ choose: (Double, Double) -> Double
    ) -> (Int, Int) {
        let ratio = choose(
            Double(pictureHeight) / Double(height), Double(pictureWidth) / Double(width))
        return (atLeastOne(Double(pictureWidth) / ratio), atLeastOne(Double(pictureHeight) / ratio))
    }

    private static func atLeastOne(_ side: Double) -> Int {
        max(1, evenRound(side))
    }

    /// Borders are rounded down, crops to even.
    private static func offset(_ size: Int, _ target: Int) -> Int {
        size < target ? -((target - size) / 2) : evenRound(Double(size - target) / 2)
    }
}

func evenRound(_ value: Double) -> Int {
    Int(value.rounded(.toNearestOrEven))
}
