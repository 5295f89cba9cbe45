package dev.fbdeploy.core

import java.nio.ByteBuffer

/** One plane of a YUV_420_888 frame: bytes between rows and between neighbouring samples. */
class Plane(val buffer: ByteBuffer, val rowStride: Int, val pixelStride: Int) {
    fun at(x: Int, y: Int): Int = buffer.get(y * rowStride + x * pixelStride).toInt() and 0xFF
}

/** A camera frame with chroma at half resolution. */
class YuvImage(val width: Int, val height: Int, val y: Plane, val u: Plane, val v: Plane) {
    /**
     * RGB by the full-range BT.601 matrix of JFIF 1.02, which Android's cameras use for
     * YUV_420_888, in 16-bit fixed point.
     */
    fun toRgb(): RgbImage {
        val out = ByteArray(3 * width * height)
        var index = 0
        for (row in 0 until height) {
            for (column in 0 until width) {
                val luma = (y.at(column, row) shl 16) + HALF
                val cb = u.at(column / 2, row / 2) - 128
                val cr = v.at(column / 2, row / 2) - 128
                out[index++] = clamp((luma + RED_CR * cr) shr 16)
                out[index++] = clamp((luma - GREEN_CB * cb - GREEN_CR * cr) shr 16)
                out[index++] = clamp((luma + BLUE_CB * cb) shr 16)
            }
        }
        return RgbImage(width, height, out)
    }

    private fun clamp(value: Int): Byte = value.coerceIn(0, 255).toByte()

    private companion object {
        const val HALF = 1 shl 15

        // 1.402, 0.344136, 0.714136 and 1.772 times 2^16.
        const val RED_CR = 91881
        const val GREEN_CB = 22553
        const val GREEN_CR = 46802
        const val BLUE_CB = 116130
    }
}
