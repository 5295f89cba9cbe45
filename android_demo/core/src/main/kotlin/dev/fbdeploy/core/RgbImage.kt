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
        // The source's pixel for the first one here, and how far it moves with each column and row.
        val (first, byColumn, byRow) = when (turns) {
            1 -> Triple((height - 1) * width, -width, 1)
            2 -> Triple(width * height - 1, -1, -width)
            else -> Triple(width - 1, width, -1)
        }
        val out = ByteArray(pixels.size)
        var target = 0
        for (y in 0 until newHeight) {
            var source = 3 * (first + y * byRow)
            for (x in 0 until newWidth) {
                out[target++] = pixels[source]
                out[target++] = pixels[source + 1]
                out[target++] = pixels[source + 2]
                source += 3 * byColumn
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
