package dev.fbdeploy.core

import kotlin.math.floor

/** A network input: the 8-bit picture the network sees, and its normalized NCHW tensor. */
class NetworkInput(val pixels: RgbImage, val tensor: FloatArray)

/** Pictures of any size to network inputs. */
fun interface Preprocessor {
    fun prepare(image: RgbImage): NetworkInput
}

/** timm's evaluation transform, as `zoo.preprocess` of the toolkit has it; golden.json pins it. */
class TimmPreprocessor(private val spec: InputSpec) : Preprocessor {
    override fun prepare(image: RgbImage): NetworkInput {
        val (width, height) = resizedSize(image)
        val cropped = center(Resample.resize(image, width, height, spec.interpolation))
        return NetworkInput(cropped, normalize(cropped))
    }

    private fun resizedSize(image: RgbImage): Pair<Int, Int> {
        val targetWidth = floor(spec.width / spec.cropPct).toInt()
        val targetHeight = floor(spec.height / spec.cropPct).toInt()
        return when {
            spec.cropMode == CropMode.SQUASH -> targetWidth to targetHeight

            spec.cropMode == CropMode.BORDER -> keepRatio(image, targetWidth, targetHeight, ::maxOf)

            targetWidth != targetHeight -> keepRatio(image, targetWidth, targetHeight, ::minOf)

            // torchvision truncates the longer side where timm's ResizeKeepRatio rounds it.
            image.width <= image.height -> targetWidth to (targetWidth * image.height.toDouble() / image.width).toInt()

            else -> (targetWidth * image.width.toDouble() / image.height).toInt() to targetWidth
        }
    }

    private fun keepRatio(
        image: RgbImage,
        width: Int,
        height: Int,
        choose: (Double, Double) -> Double
    ): Pair<Int, Int> {
        val ratio = choose(image.height.toDouble() / height, image.width.toDouble() / width)
        return Math.rint(image.width / ratio).toInt() to Math.rint(image.height / ratio).toInt()
    }

    private fun center(image: RgbImage): RgbImage {
        val left = offset(image.width, spec.width)
        val top = offset(image.height, spec.height)
        val out = ByteArray(3 * spec.width * spec.height)
        if (spec.cropMode == CropMode.BORDER) fillWithMean(out)
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

    /** Pixels before the crop, or minus the border's: borders are rounded down, crops to even. */
    private fun offset(size: Int, target: Int): Int = if (size < target) {
        -((target - size) / 2)
    } else {
        Math.rint((size - target) / 2.0).toInt()
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
