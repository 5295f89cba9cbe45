package dev.fbdeploy.core

import kotlin.math.abs

object Geometry {
    /** Degrees clockwise that a back camera's frame is turned by to stand upright on the screen. */
    fun frameRotation(sensorDegrees: Int, displayDegrees: Int): Int = Math.floorMod(sensorDegrees - displayDegrees, 360)

    /**
     * Scales of x and y that undo a view's stretching of a [contentWidth] x [contentHeight] picture
     * and let it fill the view, cropped at the longer side.
     */
    fun fillScale(viewWidth: Int, viewHeight: Int, contentWidth: Int, contentHeight: Int): Pair<Float, Float> {
        val view = viewWidth.toFloat() / viewHeight
        val content = contentWidth.toFloat() / contentHeight
        return if (content > view) content / view to 1f else 1f to view / content
    }

    /** The size nearest to [targetWidth] x [targetHeight] by area. */
    fun nearestSize(sizes: List<Pair<Int, Int>>, targetWidth: Int, targetHeight: Int): Pair<Int, Int> =
        sizes.minBy { (width, height) -> abs(width.toLong() * height - targetWidth.toLong() * targetHeight) }

    /** Degrees clockwise for an EXIF orientation tag (JEITA CP-3451, 1 to 8); mirrored ones count as unmirrored. */
    fun exifRotation(orientation: Int): Int = when (orientation) {
        3, 4 -> 180
        5, 6 -> 90
        7, 8 -> 270
        else -> 0
    }
}
