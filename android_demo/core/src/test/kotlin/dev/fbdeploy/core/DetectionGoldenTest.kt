package dev.fbdeploy.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Assume.assumeTrue

private typealias Planted = (ModelConfig, ModelEntry) -> Decoder

/** That an error in what is done with detections would be seen on Python's goldens. */
class DetectionGoldenTest {
    private fun bundle(name: String): Bundle {
        val bundle = TestBundle.all.firstOrNull { it.folder.name == name }
        assumeTrue("Python writes the goldens: pytest tests/android_demo", bundle != null)
        return bundle!!
    }

    private fun failures(bundle: Bundle, planted: Planted): List<String> {
        val check = GoldenCheck(bundle.config, bundle.golden(), { planted(bundle.config, it) })
        return check.run(TimmPreprocessor(bundle.config.input)).failures
    }

    private fun caught(name: String, planted: Planted) {
        val bundle = bundle(name)
        assertEquals(emptyList(), failures(bundle) { config, model -> decoderOf(config, model) })
        assertTrue(failures(bundle, planted).isNotEmpty(), "nobody saw the planted error")
    }

    /** Of an answer that is right but for what [change] does. */
    private fun changed(change: (Answer.Detected) -> Answer.Detected): Planted = { config, model ->
        Decoder { outputs, size -> change(decoderOf(config, model).decode(outputs, size) as Answer.Detected) }
    }

    private fun each(change: (Detection) -> Detection) = changed { it.copy(all = it.all.map(change)) }

    @Test
    fun plantedPaddingInTheMiddleIsCaught() = caught("boxes-letterbox") { config, model ->
        DetectionDecoder(config.input.copy(cropMode = CropMode.BORDER), config.thresholds, model)
    }

    @Test
    fun plantedStretchIsCaught() = caught("boxes-oblong") { config, model ->
        DetectionDecoder(config.input.copy(cropMode = CropMode.SQUASH), config.thresholds, model)
    }

    @Test
    fun plantedForgottenCropIsCaught() = caught("boxes-center") { config, model ->
        DetectionDecoder(config.input.copy(cropPct = 1.0), config.thresholds, model)
    }

    @Test
    fun plantedThresholdIn64BitsIsCaught() = caught(
        "boxes-whole",
        changed { it.copy(thresholds = it.thresholds.copy(score = Math.nextDown(0.3f))) }
    )

    @Test
    fun plantedLastOfEqualsIsCaught() = caught(
        "boxes-whole",
        changed { it.copy(all = it.all.reversed().sortedByDescending(Detection::score)) }
    )

    @Test
    fun plantedBackgroundClassIsCaught() = caught(
        "boxes-whole",
        each { Detection(it.classIndex + 1, it.score, it.box, it.probabilities) }
    )

    @Test
    fun plantedMaskThresholdIsCaught() = caught(
        "boxes-letterbox",
        changed { it.copy(thresholds = it.thresholds.copy(mask = 0.51)) }
    )

    @Test
    fun plantedTransposedMasksAreCaught() = caught(
        "boxes-letterbox",
        each { found ->
            val side = 14
            val turned = found.probabilities?.let { mask ->
                FloatArray(mask.size) { mask[it % side * side + it / side] }
            }
            Detection(found.classIndex, found.score, found.box, turned)
        }
    )

    @Test
    fun ownOutputsMayBeInAnotherOrderButNotElsewhere() {
        val bundle = bundle("boxes-oblong")
        val model = bundle.config.models.single()
        assertEquals(emptyList(), own(bundle, model) { it.reversed() })

        fun noticed(change: (Row) -> Row) = assertTrue(own(bundle, model) { it.map(change) }.isNotEmpty())
        noticed { row -> row.copy(box = row.box.map { it / 2 }) }
        noticed { row -> row.copy(mask = row.mask.map { 1 - it }) }
        noticed { it.copy(label = it.label + 1) }
    }

    private data class Row(val box: List<Float>, val score: Float, val label: Float, val mask: List<Float>)

    /** What is wrong with Python's outputs after [change], as if this app's model had given them. */
    private fun own(bundle: Bundle, model: ModelEntry, change: (List<Row>) -> List<Row>): List<String> {
        val given = bundle.golden().images.map { it.outputs.single().values }.iterator()
        val classifier = object : Classifier {
            override fun run(input: ModelInput): Outputs {
                val outputs = given.next()
                val scores = outputs.getValue("scores")

                fun rowsOf(name: String) = outputs.getValue(name).let { it.toList().chunked(it.size / scores.size) }
                val (boxes, labels, masks) = listOf("boxes", "labels", "masks").map(::rowsOf)
                val rows = change(scores.indices.map { Row(boxes[it], scores[it], labels[it].single(), masks[it]) })
                return mapOf(
                    "boxes" to rows.flatMap { it.box }.toFloatArray(),
                    "scores" to rows.map { it.score }.toFloatArray(),
                    "labels" to rows.map { it.label }.toFloatArray(),
                    "masks" to rows.flatMap { it.mask }.toFloatArray()
                )
            }

            override fun close() = Unit
        }
        return GoldenCheck(bundle).run(TimmPreprocessor(bundle.config.input), model, classifier).failures
    }
}
