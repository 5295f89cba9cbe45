package dev.fbdeploy.core

/** An 8-bit RGB picture: [pixels] are rows of interleaved red, green, blue, one byte each. */
class RgbImage(val width: Int, val height: Int, val pixels: ByteArray) {
    init {
        require(width > 0 && height > 0) { "a picture of $width x $height pixels" }
        require(pixels.size == 3 * width * height) { "${pixels.size} bytes for $width x $height RGB pixels" }
    }

    /** Turned clockwise by [degrees], a multiple of 90. */
    fun rotated(degrees: Int): RgbImage {
        val turns = Math.floorMod(degrees, 360) / 90
        if (turns == 0) return this
        val swapped = turns % 2 == 1
        val (newWidth, newHeight) = if (swapped) height to width else width to height
        val out = ByteArray(pixels.size)
        for (y in 0 until newHeight) {
            for (x in 0 until newWidth) {
                val (sourceX, sourceY) = when (turns) {
                    1 -> y to height - 1 - x
                    2 -> width - 1 - x to height - 1 - y
                    else -> width - 1 - y to x
                }
                pixels.copyInto(
                    out,
                    3 * (y * newWidth + x),
                    3 * (sourceY * width + sourceX),
                    3 * (sourceY * width + sourceX) + 3
                )
            }
        }
        return RgbImage(newWidth, newHeight, out)
    }

    companion object {
        /** From Android's packed ARGB (Bitmap.getPixels); alpha is dropped. */
        fun fromArgb(width: Int, height: Int, argb: IntArray): RgbImage {
            val out = ByteArray(3 * width * height)
            for (index in 0 until width * height) {
                val pixel = argb[index]
                out[3 * index] = (pixel shr 16).toByte()
                out[3 * index + 1] = (pixel shr 8).toByte()
                out[3 * index + 2] = pixel.toByte()
            }
            return RgbImage(width, height, out)
        }
    }
}
