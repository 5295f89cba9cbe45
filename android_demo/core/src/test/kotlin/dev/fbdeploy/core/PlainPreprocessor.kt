package dev.fbdeploy.core

import kotlin.math.abs
import kotlin.math.floor

/**
 * The whole picture converted pixel by pixel, turned, resized and only then cropped: what the app's
 * code has to equal, and the baseline of ci/desktop/PrepareBenchmark.kt.
 */
class PlainPreprocessor(private val spec: InputSpec) : Preprocessor {
    override fun prepare(image: RgbImage): NetworkInput {
        val place = Placement.of(image.size, spec)
        val resized = PlainResample.resize(image, place.width, place.height, spec.interpolation)
        val cropped = center(resized, place)
        return NetworkInput(cropped) { normalize(cropped) }
    }

    private fun center(image: RgbImage, place: Placement): RgbImage {
        val left = place.left
        val top = place.top
        val out = ByteArray(3 * spec.width * spec.height)
        if (spec.cropMode.padded) fillWithMean(out)
        val columns = maxOf(0, -left) until minOf(spec.width, image.width - left)
        for (y in maxOf(0, -top) until minOf(spec.height, image.height - top)) {
            val from = 3 * ((y + top) * image.width + columns.first + left)
            image.pixels.copyInto(
                out,
                3 * (y * spec.width + columns.first),
                from,
                from + 3 * columns.count()
            )
        }
        return RgbImage(spec.width, spec.height, out)
    }

    private fun fillWithMean(out: ByteArray) {
        for (index in out.indices) out[index] = Math.rint(255.0 * spec.mean[index % 3]).toInt().toByte()
    }

    private fun normalize(image: RgbImage): FloatArray {
        val plane = spec.width * spec.height
        val tensor = FloatArray(3 * plane)
        for (channel in 0 until 3) {
            val mean = spec.mean[channel]
            val std = spec.std[channel]
            for (index in 0 until plane) {
                val value = (image.pixels[3 * index + channel].toInt() and 0xFF) / 255f
                tensor[channel * plane + index] = (value - mean) / std
            }
        }
        return tensor
    }
}

/** Pillow's resize of a whole picture, sample by sample. */
object PlainResample {
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
