package dev.fbdeploy.core

import kotlin.math.abs

/** Which of a camera's sizes to take for the frames that are classified, and for the preview. */
object CameraSizes {
    /** Android guarantees previews up to 1080p beside frames to be read. */
    private const val LARGEST_PREVIEW = 1920L * 1080

    /** The size nearest to 640 x 480 by area: more is thrown away before the network. */
    fun frames(sizes: List<PixelSize>): PixelSize =
        sizes.minByOrNull { abs(it.area - 640L * 480) } ?: PixelSize(640, 480)

    /** The largest of the frames' own shape, since another shape shows another part of the world. */
    fun preview(sizes: List<PixelSize>, frames: PixelSize): PixelSize =
        sizes.filter { it.area <= LARGEST_PREVIEW && sameShape(it, frames) }.maxByOrNull { it.area } ?: frames

    private fun sameShape(a: PixelSize, b: PixelSize): Boolean =
        abs(a.width.toDouble() * b.height / (a.height.toDouble() * b.width) - 1) < 0.01
}
