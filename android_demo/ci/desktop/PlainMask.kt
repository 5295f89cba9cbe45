package dev.fbdeploy.core

import kotlin.math.cos
import kotlin.math.sin

/** Logits as smooth as a network's: waves, each class's of its own length. */
object SmoothLogits {
    fun of(shape: List<Int>): FloatArray {
        val (classes, height, width) = shape.drop(1)
        return FloatArray(classes * height * width) {
            val (column, row) = Pair(it % width, it / width % height)
            val index = it / (height * width)
            4 * (sin(column * (index + 3) / 29.0) * cos(row * (index + 5) / 31.0)).toFloat()
        }
    }
}

/** All logits resized at once, then the largest of each pixel: what the app does without. */
fun plainMask(logits: FloatArray, shape: List<Int>, size: PixelSize): Mask {
    val (classes, height, width) = shape.drop(1)
    val whole = FloatArray(classes * size.width * size.height)
    for (index in 0 until classes) {
        for (row in 0 until size.height) {
            val y = place(row, height, size.height)
            val upper = (index * height + y.toInt()) * width
            val lower = (index * height + minOf(y.toInt() + 1, height - 1)) * width
            for (column in 0 until size.width) {
                val x = place(column, width, size.width)
                val (left, right) = Pair(x.toInt(), minOf(x.toInt() + 1, width - 1))
                val (down, across) = Pair(y - y.toInt(), x - x.toInt())
                val above = (1 - across) * logits[upper + left] + across * logits[upper + right]
                val below = (1 - across) * logits[lower + left] + across * logits[lower + right]
                whole[(index * size.height + row) * size.width + column] = (1 - down) * above + down * below
            }
        }
    }
    val pixels = size.width * size.height
    val found = ByteArray(pixels) { pixel ->
        var best = 0
        for (index in 1 until classes) {
            if (whole[index * pixels + pixel] > whole[best * pixels + pixel]) best = index
        }
        best.toByte()
    }
    return Mask(size, found)
}

private fun place(pixel: Int, size: Int, count: Int): Float =
    minOf(maxOf(size.toFloat() / count * (pixel + 0.5f) - 0.5f, 0f), size - 1f)
