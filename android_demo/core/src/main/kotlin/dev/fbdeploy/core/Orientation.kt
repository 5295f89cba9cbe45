package dev.fbdeploy.core

import kotlin.math.abs

/** A turn clockwise by [degrees], then perhaps a flip left to right. */
data class Turn(val degrees: Int, val mirrored: Boolean) {
    companion object {
        /** What makes a photo upright, by its EXIF orientation tag (JEITA CP-3451, 1 to 8). */
        fun ofExif(orientation: Int): Turn = when (orientation) {
            2 -> Turn(0, true)
            3 -> Turn(180, false)
            4 -> Turn(180, true)
            5 -> Turn(90, true)
            6 -> Turn(90, false)
            7 -> Turn(270, true)
            8 -> Turn(270, false)
            else -> Turn(0, false)
        }
    }
}

/** Degrees clockwise between sensor, device and screen. */
object Orientation {
    /** How far the device is turned from its natural orientation when its screen is turned by [displayDegrees]. */
    fun deviceFromDisplay(displayDegrees: Int): Int = Math.floorMod(-displayDegrees, 360)

    /**
     * What a frame is turned by to stand upright while the device is turned by [deviceDegrees]; the
     * rule of CaptureRequest.JPEG_ORIENTATION's documentation.
     */
    fun frameRotation(sensorDegrees: Int, deviceDegrees: Int, front: Boolean): Int =
        Math.floorMod(sensorDegrees + if (front) -deviceDegrees else deviceDegrees, 360)
}

/**
 * Which of its four sides the device stands on, from the angles of its orientation sensor. A side is
 * kept until the device leans [LEAVE] degrees away from it, so that it does not flicker at 45; lying
 * flat, when the sensor knows nothing, keeps it too.
 */
class HeldOrientation(initial: Int = 0) {
    var degrees: Int = initial
        private set

    /** [angle] is 0 to 359 degrees clockwise, or negative for unknown; whether the side changed. */
    fun update(angle: Int): Boolean {
        if (angle < 0) return false
        val apart = abs(Math.floorMod(angle - degrees + 180, 360) - 180)
        if (apart < LEAVE) return false
        degrees = (angle + 45) / 90 * 90 % 360
        return true
    }

    private companion object {
        const val LEAVE = 60
    }
}
