package dev.fbdeploy.core

/**
 * How one camera frame lies: the sensor delivers [sensor] pixels, which stand upright once turned
 * clockwise by [rotation] degrees (0, 90, 180 or 270) and then, if [mirrored], flipped left to
 * right. From there it goes to the network's input and, fitted, to a view; every map is affine and
 * has its way back.
 */
data class FrameGeometry(val sensor: PixelSize, val rotation: Int, val mirrored: Boolean) {
    init {
        require(rotation in listOf(0, 90, 180, 270)) { "a frame turned by $rotation degrees" }
    }

    val upright: PixelSize =
        if (rotation % 180 == 0) sensor else PixelSize(sensor.height, sensor.width)

    val sensorToUpright: Affine = run {
        val width = sensor.width.toDouble()
        val height = sensor.height.toDouble()
        val turn = when (rotation) {
            0 -> Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
            90 -> Affine(0.0, -1.0, height, 1.0, 0.0, 0.0)
            180 -> Affine(-1.0, 0.0, width, 0.0, -1.0, height)
            else -> Affine(0.0, 1.0, 0.0, -1.0, 0.0, width)
        }
        if (mirrored) Affine(-1.0, 0.0, upright.width.toDouble(), 0.0, 1.0, 0.0).after(turn) else turn
    }

    fun uprightToInput(spec: InputSpec): Affine {
        val place = Placement.of(upright, spec)
        return Affine(
            place.width.toDouble() / upright.width,
            0.0,
            -place.left.toDouble(),
            0.0,
            place.height.toDouble() / upright.height,
            -place.top.toDouble()
        )
    }

    fun sensorToInput(spec: InputSpec): Affine = uprightToInput(spec).after(sensorToUpright)

    /** The part of the frame that the network sees, in the sensor's pixels; without padding. */
    fun seen(spec: InputSpec): Box =
        sensorToInput(spec).inverse()(PixelSize(spec.width, spec.height).box).within(sensor)

    /** The whole picture in the middle of the [view], as large as it fits. */
    fun uprightToView(view: PixelSize): Affine {
        val scale = minOf(view.width.toDouble() / upright.width, view.height.toDouble() / upright.height)
        val left = (view.width - scale * upright.width) / 2
        val top = (view.height - scale * upright.height) / 2
        return Affine(scale, 0.0, left, 0.0, scale, top)
    }

    fun sensorToView(view: PixelSize): Affine = uprightToView(view).after(sensorToUpright)

    /**
     * Where to draw what the network found in a frame that lay as this says, in a view of frames that lie
     * as [shown] says, which differs for a selfie and while the screen does not turn with the device.
     */
    fun inputToView(spec: InputSpec, view: PixelSize, shown: FrameGeometry = this): Affine =
        shown.sensorToView(view).after(sensorToInput(spec).inverse())

    /** The same, with the part of the view that shows what the network saw. */
    fun overlay(spec: InputSpec, view: PixelSize, shown: FrameGeometry = this) = shown.sensorToView(view).let {
        Overlay(inputToView(spec, view, shown), it.after(sensorToUpright.inverse()), it(seen(spec)))
    }
}

/**
 * Where in a view lies what was found: the maps from pixels of the network's [input] and from those of the
 * upright [picture], and the part that the network saw, [visible].
 */
data class Overlay(val input: Affine, val picture: Affine, val visible: Box)

/**
 * The map of a texture view's content that shows the camera's picture as [shown] says. By itself
 * such a view stretches over all of itself the picture as it stands upright while the device is held
 * in its [natural] orientation.
 */
fun textureTransform(natural: FrameGeometry, shown: FrameGeometry, view: PixelSize): Affine {
    val stretch = Affine.scale(
        view.width.toDouble() / natural.upright.width,
        view.height.toDouble() / natural.upright.height
    )
    return shown.sensorToView(view).after(stretch.after(natural.sensorToUpright).inverse())
}
