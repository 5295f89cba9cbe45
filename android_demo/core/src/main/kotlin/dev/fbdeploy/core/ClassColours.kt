package dev.fbdeploy.core

/** The colours of classes in masks and legends: Pascal VOC's, as the report's; class 0, ground, has none. */
object ClassColours {
    private const val CLASSES = 256
    private const val TOP_BIT = 7
    private const val OPAQUE = 0xFF shl 24

    /** Packed opaque ARGB by class; transparent for class 0. */
    val argb: IntArray = IntArray(CLASSES) { if (it == 0) 0 else OPAQUE or rgb(it) }

    /** Bits 0, 3 and 6 of the class are red's highest, the next ones green's, then blue's. */
    private fun rgb(classIndex: Int): Int {
        var colour = 0
        for (bit in 0..TOP_BIT) {
            if (classIndex shr bit and 1 == 0) continue
            val channel = bit % 3
            colour = colour or (1 shl (TOP_BIT - bit / 3 + 8 * (2 - channel)))
        }
        return colour
    }

    /** Of a detector's classes, all of which are things: bright ones, neighbours far apart, as the report's. */
    fun ofObject(classIndex: Int): Int {
        val hue = classIndex * GOLDEN_RATIO % 1 * SEXTANTS
        val sextant = hue.toInt()
        val rising = hue - sextant
        val low = VALUE * (1 - SATURATION)
        val falling = VALUE * (1 - SATURATION * rising)
        val growing = VALUE * (1 - SATURATION * (1 - rising))
        val (red, green, blue) = when (sextant % SEXTANTS) {
            0 -> Triple(VALUE, growing, low)
            1 -> Triple(falling, VALUE, low)
            2 -> Triple(low, VALUE, growing)
            3 -> Triple(low, falling, VALUE)
            4 -> Triple(growing, low, VALUE)
            else -> Triple(VALUE, low, falling)
        }
        return OPAQUE or (byte(red) shl 16) or (byte(green) shl 8) or byte(blue)
    }

    private fun byte(part: Double): Int = Math.rint(255 * part).toInt()

    private const val GOLDEN_RATIO = 0.6180339887498949
    private const val SEXTANTS = 6
    private const val SATURATION = 0.85
    private const val VALUE = 0.95
}
