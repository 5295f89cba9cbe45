package dev.fbdeploy.core

import kotlin.math.abs
import kotlin.math.floor

/**
 * Pillow's resize, to the bit: a separable filter that widens with the reduction (antialiasing),
 * its weights in 22-bit fixed point, each pass rounded to 8 bits, rows first.
 */
object Resample {
    private const val PRECISION_BITS = 22

    /** The source samples that make one output sample: the first one, and a weight for each. */
    private class Taps(val first: Int, val weights: IntArray)

    private class Filter(val support: Double, val weight: (Double) -> Double)

    fun resize(image: RgbImage, width: Int, height: Int, interpolation: Interpolation): RgbImage {
        if (image.width == width && image.height == height) return image
        val filter = when (interpolation) {
            Interpolation.NEAREST -> return nearest(image, width, height)
            Interpolation.BILINEAR -> Filter(1.0, ::triangle)
            Interpolation.BICUBIC -> Filter(2.0, ::cubic)
        }
        val narrowed = if (image.width == width) image else horizontal(image, taps(filter, image.width, width))
        return if (image.height == height) narrowed else vertical(narrowed, taps(filter, image.height, height))
    }

    private fun nearest(image: RgbImage, width: Int, height: Int): RgbImage {
        val out = ByteArray(3 * width * height)
        val columns = nearestSamples(image.width, width)
        val rows = nearestSamples(image.height, height)
        for (y in 0 until height) {
            for (x in 0 until width) {
                val from = 3 * (rows[y] * image.width + columns[x])
                image.pixels.copyInto(out, 3 * (y * width + x), from, from + 3)
            }
        }
        return RgbImage(width, height, out)
    }

    /** Positions are summed up as Pillow does, since multiplied ones round to other samples. */
    private fun nearestSamples(source: Int, target: Int): IntArray {
        val scale = source.toDouble() / target
        var position = 0.5 * scale
        return IntArray(target) { position.toInt().also { position += scale } }
    }

    private fun triangle(x: Double): Double = maxOf(0.0, 1.0 - abs(x))

    /** Keys' cubic convolution with a = -0.5 (doi:10.1109/TASSP.1981.1163711). */
    private fun cubic(x: Double): Double {
        val a = -0.5
        val d = abs(x)
        return when {
            d < 1.0 -> ((a + 2.0) * d - (a + 3.0)) * d * d + 1
            d < 2.0 -> (((d - 5) * d + 8) * d - 4) * a
            else -> 0.0
        }
    }

    private fun taps(filter: Filter, source: Int, target: Int): List<Taps> {
        val scale = source.toDouble() / target
        val widening = maxOf(scale, 1.0)
        val support = filter.support * widening
        return List(target) { index ->
            val center = (index + 0.5) * scale
            val first = maxOf(0, floor(center - support + 0.5).toInt())
            val last = minOf(source, floor(center + support + 0.5).toInt())
            val weights = DoubleArray(last - first) {
                filter.weight((it + first - center + 0.5) * (1.0 / widening))
            }
            val total = weights.sum()
            Taps(first, IntArray(weights.size) { fixed(weights[it] / total) })
        }
    }

    private fun fixed(weight: Double): Int {
        val scaled = weight * (1 shl PRECISION_BITS)
        return (if (weight < 0) scaled - 0.5 else scaled + 0.5).toInt()
    }

    private fun horizontal(image: RgbImage, taps: List<Taps>): RgbImage {
        val width = taps.size
        val out = ByteArray(3 * width * image.height)
        for (y in 0 until image.height) {
            for (x in 0 until width) {
                val from = 3 * (y * image.width + taps[x].first)
                accumulate(image.pixels, from, 3, taps[x].weights, out, 3 * (y * width + x))
            }
        }
        return RgbImage(width, image.height, out)
    }

    private fun vertical(image: RgbImage, taps: List<Taps>): RgbImage {
        val stride = 3 * image.width
        val out = ByteArray(stride * taps.size)
        for (y in taps.indices) {
            for (x in 0 until image.width) {
                val from = taps[y].first * stride + 3 * x
                accumulate(image.pixels, from, stride, taps[y].weights, out, y * stride + 3 * x)
            }
        }
        return RgbImage(image.width, taps.size, out)
    }

    private fun accumulate(source: ByteArray, from: Int, stride: Int, weights: IntArray, out: ByteArray, at: Int) {
        for (channel in 0 until 3) {
            var sum = 1 shl (PRECISION_BITS - 1)
            var index = from + channel
            for (weight in weights) {
                sum += (source[index].toInt() and 0xFF) * weight
                index += stride
            }
            out[at + channel] = (sum shr PRECISION_BITS).coerceIn(0, 255).toByte()
        }
    }
}
