package dev.fbdeploy.core

/**
 * A network input: the 8-bit picture the network sees, and its normalized NCHW tensor, which is made
 * when it is first asked for, since models that take pixels do without.
 */
class NetworkInput(val pixels: RgbImage, normalize: () -> FloatArray) {
    val tensor: FloatArray by lazy(LazyThreadSafetyMode.NONE, normalize)
}

/** Pictures of any size to network inputs. Calls come from one thread at a time. */
fun interface Preprocessor {
    fun prepare(image: RgbImage): NetworkInput
}

/** timm's evaluation transform, as `zoo.preprocess` of the toolkit has it; golden.json pins it. */
class TimmPreprocessor(private val spec: InputSpec) : Preprocessor {
    /** The normalized value of each of the 256 levels of red, green and blue. */
    private val levels = List(3) { channel ->
        FloatArray(256) { (it / 255f - spec.mean[channel]) / spec.std[channel] }
    }

    /** For pictures of the last size, which a camera's all have. */
    private var plan: Plan? = null

    override fun prepare(image: RgbImage): NetworkInput {
        val current = plan?.takeIf { it.source == image.size } ?: Plan(image.size, spec).also { plan = it }
        val pixels = current.run(image)
        return NetworkInput(pixels) { normalize(pixels) }
    }

    private fun normalize(image: RgbImage): FloatArray {
        val plane = spec.width * spec.height
        val tensor = FloatArray(3 * plane)
        for (channel in 0 until 3) {
            val values = levels[channel]
            val first = channel * plane
            var from = channel
            for (index in 0 until plane) {
                tensor[first + index] = values[image.pixels[from].toInt() and 0xFF]
                from += 3
            }
        }
        return tensor
    }
}

/** Resize and crop, or padding with the mean colour, of pictures of one size. */
private class Plan(val source: PixelSize, private val spec: InputSpec) {
    private val place = Placement.of(source, spec)

    // Columns and rows of the input that the picture covers.
    private val columns = place.shown(spec).columns
    private val rows = place.shown(spec).rows
    private val resample = Resample(
        source,
        PixelSize(place.width, place.height),
        columns.first + place.left..columns.last + place.left,
        rows.first + place.top..rows.last + place.top,
        spec.interpolation
    )

    fun run(image: RgbImage): RgbImage {
        val shown = resample.run(image)
        if (shown.size == PixelSize(spec.width, spec.height)) return shown
        val out = ByteArray(3 * spec.width * spec.height)
        if (spec.cropMode.padded) fillWithMean(out)
        val length = 3 * columns.count()
        for ((index, row) in rows.withIndex()) {
            val at = 3 * (row * spec.width + columns.first)
            shown.pixels.copyInto(out, at, index * length, (index + 1) * length)
        }
        return RgbImage(spec.width, spec.height, out)
    }

    private fun fillWithMean(out: ByteArray) {
        val colour = ByteArray(3) { Math.rint(255.0 * spec.mean[it]).toInt().toByte() }
        for (index in out.indices) out[index] = colour[index % 3]
    }
}
