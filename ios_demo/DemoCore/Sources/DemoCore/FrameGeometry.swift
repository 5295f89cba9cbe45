/// How a frame lies: the sensor delivers `sensor` pixels, which stand upright once turned clockwise by
/// `rotation` and then, if `mirrored`, flipped left to right. From there it goes to the network's input
/// and, fitted, to a view; every map is affine and has its way back. A photo is upright already.
///
/// tests/geometry_goldens.py of the toolkit pins every map.
public struct FrameGeometry: Equatable, Sendable {
    public let sensor: Size
    public let rotation: Rotation
    public let mirrored: Bool
    public let upright: Size
    public let sensorToUpright: Affine

    /// `width` and `height` are the sensor's pixels.
    public init(width: Int, height: Int, rotation: Rotation = .none, mirrored: Bool = false) {
        sensor = Size(Double(width), Double(height))
        self.rotation = rotation
        self.mirrored = mirrored
        upright = rotation.swapsSides ? Size(sensor.height, sensor.width) : sensor
        let turn: Affine =
            switch rotation {
            case .none: Affine(1, 0, 0, 0, 1, 0)
            case .quarter: Affine(0, -1, sensor.height, 1, 0, 0)
            case .half: Affine(-1, 0, sensor.width, 0, -1, sensor.height)
            case .threeQuarters: Affine(0, 1, 0, -1, 0, sensor.width)
            }
        sensorToUpright = mirrored ? Affine(-1, 0, upright.width, 0, 1, 0).after(turn) : turn
    }

    /// The network's input is `spec.width` x `spec.height` pixels.
    public func uprightToInput(_ spec: InputSpec) -> Affine {
        let placement = Placement(pictureWidth: Int(upright.width), pictureHeight: Int(upright.height), spec)
        return Affine(
            Double(placement.width) / upright.width, 0, -Double(placement.left),
            0, Double(placement.height) / upright.height, -Double(placement.top))
    }

    public func sensorToInput(_ spec: InputSpec) -> Affine {
        uprightToInput(spec).after(sensorToUpright)
    }

    /// The part of the frame that the network sees, in the sensor's pixels; padding is no part of it.
    public func seen(_ spec: InputSpec) -> Box {
        sensorToInput(spec).inverse(Size(Double(spec.width), Double(spec.height)).box).within(sensor)
    }

    /// The whole upright picture in the middle of a view, as large as it fits.
    public func uprightToView(_ view: Size) -> Affine {
        let scale = min(view.width / upright.width, view.height / upright.height)
        return Affine(
            scale, 0, (view.width - scale * upright.width) / 2,
            0, scale, (view.height - scale * upright.height) / 2)
    }

    public func sensorToView(_ view: Size) -> Affine {
        uprightToView(view).after(sensorToUpright)
    }
}

/// A camera frame that is classified upright by gravity and shown as the screen is turned, which differ
/// while the screen's rotation is locked; a selfie is shown, but not classified, as in a mirror.
public struct ShownFrame: Equatable, Sendable {
    /// The frame as it is classified, and as it is shown.
    public let classified: FrameGeometry
    public let shown: FrameGeometry

    public init(width: Int, height: Int, classified: Rotation, shown: Rotation, mirrored: Bool) {
        self.classified = FrameGeometry(width: width, height: height, rotation: classified)
        self.shown = FrameGeometry(width: width, height: height, rotation: shown, mirrored: mirrored)
    }

    /// A picture that is upright already, such as a photo.
    public init(width: Int, height: Int) {
        self.init(width: width, height: height, classified: .none, shown: .none, mirrored: false)
    }

    /// What the network sees, in a view that shows the whole frame, fitted.
    public func seen(_ spec: InputSpec, in view: Size) -> Box {
        shown.sensorToView(view)(classified.seen(spec))
    }

    /// The same, of a frame that was classified while it stood upright otherwise.
    public func classified(_ rotation: Rotation) -> ShownFrame {
        ShownFrame(
            width: Int(classified.sensor.width), height: Int(classified.sensor.height), classified: rotation,
            shown: shown.rotation, mirrored: shown.mirrored)
    }

    /// Where in such a view lies what the network found.
    public func inputToView(_ spec: InputSpec, in view: Size) -> Affine {
        shown.sensorToView(view).after(classified.sensorToInput(spec).inverse)
    }

    /// Where in such a view lies what was found in pixels of the upright picture.
    public func pictureToView(_ view: Size) -> Affine {
        shown.sensorToView(view).after(classified.sensorToUpright.inverse)
    }
}
