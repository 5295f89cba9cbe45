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
}
