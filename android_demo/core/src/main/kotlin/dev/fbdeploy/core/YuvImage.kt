package dev.fbdeploy.core

import java.nio.Buffer
import java.nio.ByteBuffer

/** One plane of a YUV_420_888 frame: bytes between rows and between neighbouring samples. */
class Plane(val buffer: ByteBuffer, val rowStride: Int, val pixelStride: Int) {
    private val reader = buffer.duplicate()

    /** Copies [row] of [samples] samples, with what lies between them; the last row may end with its last sample. */
    fun read(row: Int, samples: Int, into: ByteArray) {
        val position: Buffer = reader
        position.position(row * rowStride)
        reader.get(into, 0, length(samples))
    }

    fun length(samples: Int): Int = (samples - 1) * pixelStride + 1
}

/** A camera frame with chroma at half resolution. */
class YuvImage(val width: Int, val height: Int, val y: Plane, val u: Plane, val v: Plane) {
    /**
     * Upright RGB of a frame that lies as [geometry] says, by the full-range BT.601 matrix of JFIF
     * 1.02, which Android's cameras use for YUV_420_888, in 16-bit fixed point. Rows are read whole
     * and each pixel is written where the turn takes it.
     */
    fun toRgb(geometry: FrameGeometry = FrameGeometry(PixelSize(width, height), 0, false)): RgbImage {
        require(geometry.sensor == PixelSize(width, height)) { "a frame of $width x $height for $geometry" }
        val upright = geometry.upright
        val out = ByteArray(3 * width * height)
        val first = target(geometry, 0, 0)
        val byColumn = target(geometry, minOf(1, width - 1), 0) - first
        val byRow = target(geometry, 0, minOf(1, height - 1)) - first
        val chroma = Chroma((width + 1) / 2)
        val luma = ByteArray(y.length(width))
        for (row in 0 until height) {
            if (row % 2 == 0) chroma.read(row / 2)
            y.read(row, width, luma)
            writeRow(luma, chroma, out, first + row * byRow, byColumn)
        }
        return RgbImage(upright.width, upright.height, out)
    }

    /** Where the pixel goes, as an index of [RgbImage.pixels]. */
    private fun target(geometry: FrameGeometry, column: Int, row: Int): Int {
        val center = geometry.sensorToUpright(Point(column + 0.5, row + 0.5))
        return 3 * (center.y.toInt() * geometry.upright.width + center.x.toInt())
    }

    private fun writeRow(luma: ByteArray, chroma: Chroma, out: ByteArray, first: Int, byColumn: Int) {
        val stride = y.pixelStride
        var at = first
        for (column in 0 until width) {
            val light = ((luma[column * stride].toInt() and 0xFF) shl 16) + HALF
            val pair = column shr 1
            out[at] = clamp((light + chroma.red[pair]) shr 16)
            out[at + 1] = clamp((light + chroma.green[pair]) shr 16)
            out[at + 2] = clamp((light + chroma.blue[pair]) shr 16)
            at += byColumn
        }
    }

    private fun clamp(value: Int): Byte = minOf(maxOf(value, 0), 255).toByte()

    /** What a row of chroma adds to red, green and blue; good for two rows of the picture. */
    private inner class Chroma(private val samples: Int) {
        val red = IntArray(samples)
        val green = IntArray(samples)
        val blue = IntArray(samples)
        private val cb = ByteArray(u.length(samples))
        private val cr = ByteArray(v.length(samples))

        fun read(row: Int) {
            u.read(row, samples, cb)
            v.read(row, samples, cr)
            for (sample in 0 until samples) {
                val bluish = (cb[sample * u.pixelStride].toInt() and 0xFF) - 128
                val reddish = (cr[sample * v.pixelStride].toInt() and 0xFF) - 128
                red[sample] = RED_CR * reddish
                green[sample] = -GREEN_CB * bluish - GREEN_CR * reddish
                blue[sample] = BLUE_CB * bluish
            }
        }
    }

    private companion object {
        const val HALF = 1 shl 15

        // 1.402, 0.344136, 0.714136 and 1.772 times 2^16.
        const val RED_CR = 91881
        const val GREEN_CB = 22553
        const val GREEN_CR = 46802
        const val BLUE_CB = 116130
    }
}
