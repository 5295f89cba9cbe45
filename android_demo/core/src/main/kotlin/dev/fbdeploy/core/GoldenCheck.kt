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

/** Compares this app with golden.json: same pixels, same tensor, same top five. */
class GoldenCheck(private val golden: Golden) {
    /**
     * [classifier] runs [model] on this app's own tensors; with null only the pre-processing and
     * the ranking of Python's logits are compared.
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
                val logits = classifier?.run(input.tensor)?.values?.single() ?: output.logits
                val difference = output.logits.indices.maxOf { abs(logits[it] - output.logits[it]).toDouble() }
                logit = maxOf(logit, difference)
                val allowed = golden.logitTolerance[model?.precision] ?: 0.0
                if (difference > allowed) failures += "${expected.name}: ${output.model} logits differ by $difference"
                val top = TopK.of(logits, output.top.size).map { it.classIndex }
                if (top != output.top) {
                    same = false
                    failures += "${expected.name}: ${output.model} ranks $top, Python ${output.top}"
                }
            }
            if (same) equal++
        }
        return GoldenReport(golden.images.size, pixel, tensor, logit, equal, failures)
    }

    private fun maxDifference(a: ByteArray, b: ByteArray): Int {
        require(a.size == b.size) { "${a.size} bytes of input pixels, Python has ${b.size}" }
        return a.indices.maxOf { abs((a[it].toInt() and 0xFF) - (b[it].toInt() and 0xFF)) }
    }
}
