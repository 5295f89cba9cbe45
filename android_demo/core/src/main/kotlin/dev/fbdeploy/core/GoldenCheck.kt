package dev.fbdeploy.core

import kotlin.math.abs

/** Largest differences from Python over all golden pictures, and what was out of tolerance. */
data class GoldenReport(
    val images: Int,
    val pixelMaxAbs: Int,
    val tensorMaxAbs: Double,
    val logitMaxAbs: Double,
    /** Pictures that every output is answered as Python does. */
    val topEqual: Int,
    /** The most pixels of a picture's masks that are told otherwise than by Python. */
    val maskPixels: Int,
    /** The largest share of detections' scores that differs from Python's. */
    val detectionsApart: Double,
    val failures: List<String>
)

/** Compares this app with golden.json: same pixels, same tensor, same answer. */
class GoldenCheck(
    private val config: ModelConfig,
    private val golden: Golden,
    private val decoders: (ModelEntry) -> Decoder = { decoderOf(config, it) }
) {
    constructor(bundle: Bundle) : this(bundle.config, bundle.golden())

    /**
     * [classifier] runs [model] on this app's own inputs; with null only the pre-processing and
     * the answer to Python's outputs are compared.
     */
    fun run(preprocessor: Preprocessor, model: ModelEntry? = null, classifier: Classifier? = null): GoldenReport {
        val found = Found()
        for (expected in golden.images) {
            val input = preprocessor.prepare(expected.image)
            comparePixels(input, expected, found)
            val before = found.wrongAnswers
            for (output in expected.outputs.filter { model == null || it.model == model.id }) {
                val own = model?.let { classifier?.run(it.input.of(input)) }
                // A detection more moves all others in the outputs.
                val placed = output.answer !is GoldenAnswer.Detected
                if (own != null && placed) compareOutputs(own, output, model.precision, expected.name, found)
                compareAnswer(own, output, expected, found)
            }
            if (found.wrongAnswers == before) found.equal++
        }
        return found.report(golden.images.size)
    }

    /** What was found so far. */
    private class Found {
        var pixel = 0
        var tensor = 0.0
        var logit = 0.0
        var equal = 0
        var maskPixels = 0
        var apart = 0.0
        var wrongAnswers = 0
        val failures = ArrayList<String>()

        fun report(images: Int) = GoldenReport(images, pixel, tensor, logit, equal, maskPixels, apart, failures)
    }

    private fun comparePixels(input: NetworkInput, expected: GoldenImage, found: Found) {
        val pixel = maxDifference(input.pixels.pixels, expected.input)
        val tensor = expected.probes.maxOf { abs(input.tensor[it.index] - it.value).toDouble() }
        found.pixel = maxOf(found.pixel, pixel)
        found.tensor = maxOf(found.tensor, tensor)
        if (pixel > golden.pixelTolerance) found.failures += "${expected.name}: pixels differ by $pixel"
        if (tensor > golden.tensorTolerance) found.failures += "${expected.name}: the tensor differs by $tensor"
    }

    private fun compareOutputs(own: Outputs, output: GoldenOutput, precision: String, image: String, found: Found) {
        for ((name, values) in output.values) {
            val difference = maxDifference(own.getValue(name), values)
            found.logit = maxOf(found.logit, difference)
            if (difference > golden.allowed(precision, name)) {
                found.failures += "$image: ${output.model} $name differ by $difference"
            }
        }
    }

    /** Of this app's [own] outputs, and of Python's, where they were kept. */
    private fun compareAnswer(own: Outputs?, output: GoldenOutput, image: GoldenImage, found: Found) {
        val given = output.values.ifEmpty { null }
        val wrong = when (val expected = output.answer) {
            is GoldenAnswer.Ranking -> (own ?: given)?.let { wrong(it, expected) }

            is GoldenAnswer.Segmented -> {
                // This app may leave out a model that Python has.
                val decoder = config.models.firstOrNull { it.id == output.model }?.let(decoders) ?: return

                fun wrong(outputs: Outputs?, allowed: Int): String? = outputs?.let {
                    val answer = decoder.decode(it, image.image.size) as Answer.Segmented
                    found.maskPixels = maxOf(found.maskPixels, answer.mask.differing(expected.mask))
                    wrong(answer, expected, allowed)
                }
                wrong(given, expected.undecided) ?: wrong(own, expected.close)
            }

            is GoldenAnswer.Detected -> {
                val decoder = config.models.firstOrNull { it.id == output.model }?.let(decoders) ?: return
                val check = DetectionCheck(expected)

                fun answer(outputs: Outputs) = decoder.decode(outputs, image.image.size) as Answer.Detected
                val wrong = given?.let { check.same(answer(it)) } ?: own?.let { check.near(answer(it)) }
                found.maskPixels = maxOf(found.maskPixels, check.maskPixels)
                found.apart = maxOf(found.apart, check.apart)
                wrong
            }
        } ?: return
        found.wrongAnswers++
        found.failures += "${image.name}: ${output.model} $wrong"
    }

    private fun wrong(outputs: Outputs, expected: GoldenAnswer.Ranking): String? {
        val answer = ClassificationDecoder(expected.classes.size).decode(outputs, PixelSize(1, 1)) as Answer.Ranking
        val top = answer.best.map { it.classIndex }
        return if (top == expected.classes) null else "ranks $top, Python ${expected.classes}"
    }

    private fun wrong(answer: Answer.Segmented, expected: GoldenAnswer.Segmented, allowed: Int): String? {
        val pixels = answer.mask.differing(expected.mask)
        if (pixels > allowed) return "tells $pixels pixels otherwise than Python, and $allowed may be"
        val shares = answer.shares.associate { it.classIndex to it.pixels }
        val worst = (shares.keys + expected.shares.keys).maxOf { abs((shares[it] ?: 0) - (expected.shares[it] ?: 0)) }
        return if (worst <= pixels) null else "counts $shares pixels of the picture, Python ${expected.shares}"
    }

    private fun maxDifference(a: FloatArray, b: FloatArray): Double {
        require(a.size == b.size) { "${a.size} values of an output, Python has ${b.size}" }
        return a.indices.maxOf { abs(a[it] - b[it]).toDouble() }
    }

    private fun maxDifference(a: ByteArray, b: ByteArray): Int {
        require(a.size == b.size) { "${a.size} bytes of input pixels, Python has ${b.size}" }
        return a.indices.maxOf { abs((a[it].toInt() and 0xFF) - (b[it].toInt() and 0xFF)) }
    }
}
