package dev.fbdeploy.core

import kotlin.math.abs
import kotlin.math.floor

/**
 * Pillow's resize, to the bit: a separable filter that widens with the reduction (antialiasing),
 * its weights in 22-bit fixed point, each pass rounded to 8 bits, rows first. Of the resized picture
 * only a window is computed, from the source's pixels that it needs.
 *
 * A plan is made once for a size and a window, and used by one thread.
 */
class Resample(
    private val source: PixelSize,
    resized: PixelSize,
    columns: IntRange,
    rows: IntRange,
    interpolation: Interpolation
) {
    private val across = taps(source.width, resized.width, columns, interpolation)
    private val down = taps(source.height, resized.height, rows, interpolation)

    /** Rows of the source that the window needs. */
    private val needed = down.first.first() until down.first.last() + down.used.last()
    private val narrowed = ByteArray(3 * across.count * needed.count())
    private val sums = IntArray(3 * across.count)

    /** The window: columns and rows of the resized picture. */
    fun run(image: RgbImage): RgbImage {
        require(image.size == source) { "a picture of ${image.size}, planned for $source" }
        for (row in needed) narrow(image.pixels, row)
        val out = ByteArray(3 * across.count * down.count)
        for (row in 0 until down.count) lower(row, out)
        return RgbImage(across.count, down.count, out)
    }

    private fun narrow(pixels: ByteArray, row: Int) {
        val start = 3 * row * source.width
        var at = 3 * (row - needed.first) * across.count
        for (column in 0 until across.count) {
            var red = HALF
            var green = HALF
            var blue = HALF
            var from = start + 3 * across.first[column]
            val base = column * across.size
            for (tap in base until base + across.used[column]) {
                val weight = across.weights[tap]
                red += (pixels[from].toInt() and 0xFF) * weight
                green += (pixels[from + 1].toInt() and 0xFF) * weight
                blue += (pixels[from + 2].toInt() and 0xFF) * weight
                from += 3
            }
            narrowed[at] = rounded(red)
            narrowed[at + 1] = rounded(green)
            narrowed[at + 2] = rounded(blue)
            at += 3
        }
    }

    private fun lower(row: Int, out: ByteArray) {
        sums.fill(HALF)
        for (tap in 0 until down.used[row]) {
            val weight = down.weights[row * down.size + tap]
            val from = (down.first[row] + tap - needed.first) * sums.size
            for (index in sums.indices) sums[index] += (narrowed[from + index].toInt() and 0xFF) * weight
        }
        val at = row * sums.size
        for (index in sums.indices) out[at + index] = rounded(sums[index])
    }

    private fun rounded(sum: Int): Byte = minOf(maxOf(sum shr PRECISION_BITS, 0), 255).toByte()

    /**
     * What makes each of [count] output samples: [used] source samples from [first] on, with their
     * weights at [size] times the sample's index.
     */
    private class Taps(val size: Int, val first: IntArray, val used: IntArray, val weights: IntArray) {
        val count: Int get() = first.size
    }

    private companion object {
        const val PRECISION_BITS = 22
        const val HALF = 1 shl (PRECISION_BITS - 1)

        fun taps(source: Int, target: Int, window: IntRange, interpolation: Interpolation): Taps = when {
            source == target -> single(window) { it }
            interpolation == Interpolation.NEAREST -> nearest(source, target).let { all -> single(window) { all[it] } }
            interpolation == Interpolation.BILINEAR -> filtered(source, target, window, 1.0, ::triangle)
            else -> filtered(source, target, window, 2.0, ::cubic)
        }

        fun single(window: IntRange, sample: (Int) -> Int): Taps {
            val first = IntArray(window.count()) { sample(window.first + it) }
            return Taps(1, first, IntArray(first.size) { 1 }, IntArray(first.size) { 1 shl PRECISION_BITS })
        }

        /** Positions are summed up as Pillow does, since multiplied ones round to other samples. */
        fun nearest(source: Int, target: Int): IntArray {
            val scale = source.toDouble() / target
            var position = 0.5 * scale
            return IntArray(target) { position.toInt().also { position += scale } }
        }

        fun triangle(x: Double): Double = maxOf(0.0, 1.0 - abs(x))

        /** Keys' cubic convolution with a = -0.5 (doi:10.1109/TASSP.1981.1163711). */
        fun cubic(x: Double): Double {
            val a = -0.5
            val d = abs(x)
            return when {
                d < 1.0 -> ((a + 2.0) * d - (a + 3.0)) * d * d + 1
                d < 2.0 -> (((d - 5) * d + 8) * d - 4) * a
                else -> 0.0
            }
        }

        fun filtered(source: Int, target: Int, window: IntRange, reach: Double, filter: (Double) -> Double): Taps {
            val scale = source.toDouble() / target
            val widening = maxOf(scale, 1.0)
            val support = reach * widening
            val firsts = IntArray(window.count())
            val rows = List(window.count()) { index ->
                val center = (window.first + index + 0.5) * scale
                val first = maxOf(0, floor(center - support + 0.5).toInt())
                val last = minOf(source, floor(center + support + 0.5).toInt())
                firsts[index] = first
                val weights = DoubleArray(last - first) { filter((it + first - center + 0.5) * (1.0 / widening)) }
                val total = weights.sum()
                IntArray(weights.size) { fixed(weights[it] / total) }
            }
            val size = rows.maxOf { it.size }
            val weights = IntArray(size * rows.size)
            rows.forEachIndexed { index, row -> row.copyInto(weights, index * size) }
            return Taps(size, firsts, IntArray(rows.size) { rows[it].size }, weights)
        }

        fun fixed(weight: Double): Int {
            val scaled = weight * (1 shl PRECISION_BITS)
            return (if (weight < 0) scaled - 0.5 else scaled + 0.5).toInt()
        }
    }
}
