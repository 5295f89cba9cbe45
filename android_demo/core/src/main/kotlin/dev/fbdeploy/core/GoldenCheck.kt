package dev.fbdeploy.core

import kotlin.math.abs

/** Largest differences from Python over all golden pictures, and what was out of tolerance. */
data class GoldenReport(
    val images: Int,
    val pixelMaxAbs: Int,
    val tensorMaxAbs: Double,
    val logitMaxAbs: Double,
    val topEqual: Int,
    val failures: List<String>
)

/** Compares this app with golden.json: same pixels, same tensor, same answer. */
class GoldenCheck(private val golden: Golden) {
    /**
     * [classifier] runs [model] on this app's own inputs; with null only the pre-processing and
     * the answer to Python's outputs are compared.
     */
    fun run(preprocessor: Preprocessor, model: ModelEntry? = null, classifier: Classifier? = null): GoldenReport {
        val failures = ArrayList<String>()
        var pixel = 0
        var tensor = 0.0
        var logit = 0.0
        var equal = 0
        for (expected in golden.images) {
            val input = preprocessor.prepare(expected.image)
            val pixelDifference = maxDifference(input.pixels.pixels, expected.input)
            val tensorDifference = expected.probes.maxOf { abs(input.tensor[it.index] - it.value).toDouble() }
            pixel = maxOf(pixel, pixelDifference)
            tensor = maxOf(tensor, tensorDifference)
            if (pixelDifference > golden.pixelTolerance) {
                failures += "${expected.name}: pixels differ by $pixelDifference"
            }
            if (tensorDifference > golden.tensorTolerance) {
                failures += "${expected.name}: the tensor differs by $tensorDifference"
            }
            val outputs = expected.outputs.filter { model == null || it.model == model.id }
            var same = true
            for (output in outputs) {
                val given = model?.input?.of(input)
                val found = given?.let { classifier?.run(it) } ?: output.values
                for ((name, values) in output.values) {
                    val difference = maxDifference(found.getValue(name), values)
                    logit = maxOf(logit, difference)
                    if (difference > golden.allowed(model?.precision, name)) {
                        failures += "${expected.name}: ${output.model} $name differ by $difference"
                    }
                }
                val wrong = difference(found, output.answer)
                if (wrong != null) {
                    same = false
                    failures += "${expected.name}: ${output.model} $wrong"
                }
            }
            if (same) equal++
        }
        return GoldenReport(golden.images.size, pixel, tensor, logit, equal, failures)
    }

    /** What [outputs] are taken for that Python does not take them for; null if nothing. */
    private fun difference(outputs: Outputs, expected: GoldenAnswer): String? = when (expected) {
        is GoldenAnswer.Ranking -> {
            val answer = ClassificationDecoder(expected.classes.size).decode(outputs) as Answer.Ranking
            val top = answer.best.map { it.classIndex }
            if (top == expected.classes) null else "ranks $top, Python ${expected.classes}"
        }
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
