package dev.fbdeploy.core

import java.nio.ByteBuffer
import java.util.Random

/** A frame's pixel by its planes' bytes, one by one. */
fun YuvImage.plainRgb(): RgbImage {
    fun Plane.at(x: Int, y: Int): Int = buffer.get(y * rowStride + x * pixelStride).toInt() and 0xFF

    val out = ByteArray(3 * width * height)
    var index = 0
    for (row in 0 until height) {
        for (column in 0 until width) {
            val luma = (y.at(column, row) shl 16) + (1 shl 15)
            val cb = u.at(column / 2, row / 2) - 128
            val cr = v.at(column / 2, row / 2) - 128
            out[index++] = ((luma + 91881 * cr) shr 16).coerceIn(0, 255).toByte()
            out[index++] = ((luma - 22553 * cb - 46802 * cr) shr 16).coerceIn(0, 255).toByte()
            out[index++] = ((luma + 116130 * cb) shr 16).coerceIn(0, 255).toByte()
        }
    }
    return RgbImage(width, height, out)
}

/** Turned clockwise by [degrees], a multiple of 90. */
fun RgbImage.plainRotated(degrees: Int): RgbImage {
    val turns = Math.floorMod(degrees, 360) / 90
    val swapped = turns % 2 == 1
    val (newWidth, newHeight) = if (swapped) height to width else width to height
    val out = ByteArray(pixels.size)
    for (y in 0 until height) {
        for (x in 0 until width) {
            val (toX, toY) = when (turns) {
                0 -> x to y
                1 -> height - 1 - y to x
                2 -> width - 1 - x to height - 1 - y
                else -> y to width - 1 - x
            }
            pixels.copyInto(out, 3 * (toY * newWidth + toX), 3 * (y * width + x), 3 * (y * width + x) + 3)
        }
    }
    return RgbImage(newWidth, newHeight, out)
}

/** Flipped left to right. */
fun RgbImage.plainMirrored(): RgbImage {
    val out = ByteArray(pixels.size)
    for (y in 0 until height) {
        for (x in 0 until width) {
            val from = 3 * (y * width + width - 1 - x)
            pixels.copyInto(out, 3 * (y * width + x), from, from + 3)
        }
    }
    return RgbImage(width, height, out)
}

/** A camera frame of noise, its chroma interleaved as most phones deliver it, its rows padded. */
fun noiseFrame(width: Int, height: Int, seed: Int): YuvImage {
    val random = Random(seed.toLong())

    fun plane(rows: Int, samples: Int, stride: Int): Plane {
        val row = samples * stride + 13
        val bytes = ByteArray((rows - 1) * row + (samples - 1) * stride + 1).also(random::nextBytes)
        return Plane(ByteBuffer.allocateDirect(bytes.size).also { it.put(bytes) }, row, stride)
    }
    val half = PixelSize((width + 1) / 2, (height + 1) / 2)
    return YuvImage(
        width,
        height,
        plane(height, width, 1),
        plane(half.height, half.width, 2),
        plane(half.height, half.width, 2)
    )
}
