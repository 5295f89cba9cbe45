package dev.fbdeploy.core

/** An 8-bit RGB picture: [pixels] are rows of interleaved red, green, blue, one byte each. */
class RgbImage(val width: Int, val height: Int, val pixels: ByteArray) {
    init {
        require(width > 0 && height > 0) { "a picture of $width x $height pixels" }
        require(pixels.size == 3 * width * height) { "${pixels.size} bytes for $width x $height RGB pixels" }
    }

    val size: PixelSize get() = PixelSize(width, height)

    /** Packed opaque ARGB, as Android's Bitmap.setPixels takes it. */
    fun toArgb(): IntArray = IntArray(width * height) {
        val red = pixels[3 * it].toInt() and 0xFF
        val green = pixels[3 * it + 1].toInt() and 0xFF
        val blue = pixels[3 * it + 2].toInt() and 0xFF
        (0xFF shl 24) or (red shl 16) or (green shl 8) or blue
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
