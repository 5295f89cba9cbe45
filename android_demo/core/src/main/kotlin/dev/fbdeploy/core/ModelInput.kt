package dev.fbdeploy.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val CHANNELS = 3

/** An image as one model takes it, in the model's own layout. */
sealed interface ModelInput {
    /** Normalized values. */
    class Values(val floats: FloatArray) : ModelInput

    /** The picture's bytes as they are: the model normalizes them. */
    class Pixels(val bytes: ByteArray) : ModelInput
}

/** A model's input. */
data class TensorSpec(val name: String, val shape: List<Int>, val type: TensorType) {
    val elements: Int get() = shape.fold(1, Int::times)

    /** Whether an image's three values lie together, pixel by pixel (NHWC), and not plane by plane. */
    private val channelsLast: Boolean get() = shape.size == 4 && shape[1] != CHANNELS && shape[3] == CHANNELS

    /** What the model takes of an image. Bytes pixel by pixel are the picture itself: nothing is converted. */
    fun of(input: NetworkInput): ModelInput = when (type) {
        TensorType.FLOAT32 -> ModelInput.Values(if (channelsLast) interleaved(input.tensor) else input.tensor)
        TensorType.UINT8 -> ModelInput.Pixels(if (channelsLast) input.pixels.pixels else planes(input.pixels.pixels))
    }

    private fun interleaved(planes: FloatArray): FloatArray {
        val out = FloatArray(planes.size)
        eachValue(planes.size) { inPlanes, inPixels -> out[inPixels] = planes[inPlanes] }
        return out
    }

    private fun planes(pixels: ByteArray): ByteArray {
        val out = ByteArray(pixels.size)
        eachValue(pixels.size) { inPlanes, inPixels -> out[inPlanes] = pixels[inPixels] }
        return out
    }

    /** Where each of an image's values lies plane by plane, and where pixel by pixel. */
    private inline fun eachValue(count: Int, visit: (inPlanes: Int, inPixels: Int) -> Unit) {
        val size = count / CHANNELS
        for (channel in 0 until CHANNELS) {
            var inPixels = channel
            for (inPlanes in channel * size until (channel + 1) * size) {
                visit(inPlanes, inPixels)
                inPixels += CHANNELS
            }
        }
    }
}

enum class TensorType(val bytes: Int) { FLOAT32(Float.SIZE_BYTES), UINT8(1) }

/** Where a library reads a model's input: made once and refilled. */
class InputBuffer(private val spec: TensorSpec) {
    /** Direct, in the machine's order. */
    val bytes: ByteBuffer =
        ByteBuffer.allocateDirect(spec.type.bytes * spec.elements).order(ByteOrder.nativeOrder())

    /** Ready to be read from its start when this returns. */
    fun fill(input: ModelInput) {
        bytes.restart()
        when (input) {
            is ModelInput.Values -> bytes.asFloatBuffer().put(input.floats)
            is ModelInput.Pixels -> bytes.put(input.bytes)
        }
        bytes.restart()
    }
}
