package dev.fbdeploy.core

import kotlin.math.floor

/**
 * Where a picture lies under the network's input: resized to [width] x [height] pixels, of which the
 * input's left upper corner is at [left], [top]; these are negative where the picture is padded.
 */
data class Placement(val width: Int, val height: Int, val left: Int, val top: Int) {
    /** The part of the input that shows the picture: all but padding. */
    fun shown(spec: InputSpec) = Region(covered(spec.width, left, width), covered(spec.height, top, height))

    private fun covered(wanted: Int, offset: Int, size: Int): IntRange =
        maxOf(0, -offset)..minOf(wanted, size - offset) - 1

    companion object {
        /** The resize and crop of timm's evaluation transform, as `zoo.preprocess.placement` has them. */
        fun of(size: PixelSize, spec: InputSpec): Placement {
            val (width, height) = resized(size, spec)
            if (spec.cropMode == CropMode.LETTERBOX) return Placement(width, height, 0, 0)
            return Placement(width, height, offset(width, spec.width), offset(height, spec.height))
        }

        private fun resized(size: PixelSize, spec: InputSpec): PixelSize {
            val target = PixelSize(floor(spec.width / spec.cropPct).toInt(), floor(spec.height / spec.cropPct).toInt())
            val (width, height) = size
            return when {
                spec.cropMode == CropMode.SQUASH -> target

                spec.cropMode.padded -> keepRatio(size, target, ::maxOf)

                target.width != target.height -> keepRatio(size, target, ::minOf)

                // torchvision truncates the longer side where timm's ResizeKeepRatio rounds it.
                width <= height -> PixelSize(target.width, (target.width * height.toDouble() / width).toInt())

                else -> PixelSize((target.width * width.toDouble() / height).toInt(), target.width)
            }
        }

        private fun keepRatio(size: PixelSize, target: PixelSize, choose: (Double, Double) -> Double): PixelSize {
            val ratio = choose(size.height.toDouble() / target.height, size.width.toDouble() / target.width)
            return PixelSize(atLeastOne(size.width / ratio), atLeastOne(size.height / ratio))
        }

        private fun atLeastOne(side: Double): Int = Math.rint(side).toInt().coerceAtLeast(1)

        /** Borders are rounded down, crops to even. */
        private fun offset(size: Int, wanted: Int): Int =
            if (size < wanted) -((wanted - size) / 2) else Math.rint((size - wanted) / 2.0).toInt()
    }
}
