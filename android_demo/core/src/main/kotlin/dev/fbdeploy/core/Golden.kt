package dev.fbdeploy.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64

/** What Python's runtime gave for one model, by output, and the answer it made of that. */
data class GoldenOutput(val model: String, val values: Outputs, val answer: GoldenAnswer)

/** Python's answer; each task has its kind. */
sealed interface GoldenAnswer {
    /** Class indices, best first. */
    data class Ranking(val classes: List<Int>) : GoldenAnswer

    /**
     * The class of each pixel, and how many pixels each class has in the picture; an app may tell
     * [undecided] pixels otherwise of the same logits, [close] ones of its own.
     */
    data class Segmented(val mask: Mask, val shares: Map<Int, Int>, val undecided: Int, val close: Int) : GoldenAnswer

    /**
     * What was found, the best first, of which [shown] are. An app may tell [undecided] pixels of their masks
     * otherwise of the same outputs; of its own [apart] of the scores may differ.
     */
    class Detected(val detections: List<GoldenDetection>, val shown: Int, val undecided: Int, val apart: Double) :
        GoldenAnswer
}

/** How far an output may lie from Python's for models of one precision. */
data class OutputTolerance(val precision: String, val output: String, val maxAbs: Double)

/** One value of the reference tensor at a flat NCHW index. */
data class Probe(val index: Int, val value: Float)

class GoldenImage(
    val name: String,
    val image: RgbImage,
    val input: ByteArray,
    val probes: List<Probe>,
    val outputs: List<GoldenOutput>
)

/** The bundle's golden.json: pictures, what Python made of them, and how far an app may differ. */
class Golden(
    val pixelTolerance: Int,
    val tensorTolerance: Double,
    val outputTolerances: List<OutputTolerance>,
    val images: List<GoldenImage>
) {
    /** The largest difference that [output] of a model of [precision] may have. */
    fun allowed(precision: String?, output: String): Double =
        outputTolerances.firstOrNull { it.precision == precision && it.output == output }?.maxAbs ?: 0.0

    companion object {
        fun parse(text: String): Golden {
            val root = JsonObject.parse(text)
            requireSchema(root, "golden.json")
            val tolerance = root.obj("tolerance")
            return Golden(
                pixelTolerance = tolerance.int("pixel"),
                tensorTolerance = tolerance.double("tensor"),
                outputTolerances = tolerance.objects("outputs").map {
                    OutputTolerance(it.string("precision"), it.string("output"), it.double("max_abs"))
                },
                images = root.objects("images").map(::image)
            )
        }

        private fun image(json: JsonObject): GoldenImage {
            val decoder = Base64.getDecoder()
            val image = RgbImage(json.int("width"), json.int("height"), decoder.decode(json.string("rgb")))
            return GoldenImage(
                name = json.string("name"),
                image = image,
                input = decoder.decode(json.string("input_rgb")),
                probes = json.objects("probes").map { Probe(it.int("index"), it.double("value").toFloat()) },
                outputs = json.objects("outputs").map { output(it, image.size) }
            )
        }

        private fun output(json: JsonObject, picture: PixelSize) = GoldenOutput(
            model = json.string("model"),
            values = json.objects("values").associate { it.string("name") to floats(it.string("float32")) },
            answer = answer(json.obj("answer"), picture)
        )

        /** Little-endian float32 in base64. */
        private fun floats(text: String): FloatArray {
            val bytes = ByteBuffer.wrap(Base64.getDecoder().decode(text)).order(ByteOrder.LITTLE_ENDIAN)
            return FloatArray(bytes.remaining() / Float.SIZE_BYTES).also { bytes.asFloatBuffer().get(it) }
        }

        private fun answer(json: JsonObject, picture: PixelSize): GoldenAnswer = when (val kind = json.string("kind")) {
            "ranking" -> GoldenAnswer.Ranking(json.objects("top").map { it.int("class") })

            "mask" -> GoldenAnswer.Segmented(
                Mask.ofRuns(
                    PixelSize(json.int("width"), json.int("height")),
                    Base64.getDecoder().decode(json.string("runs"))
                ),
                json.objects("shares").associate { it.int("class") to it.int("pixels") },
                json.int("undecided"),
                json.int("close")
            )

            "boxes" -> GoldenAnswer.Detected(
                json.objects("detections").map { detection(it, picture) },
                json.int("shown"),
                json.int("undecided"),
                json.double("apart")
            )

            else -> throw IllegalArgumentException("golden.json has answers of the kind $kind: build a newer app")
        }

        private fun detection(json: JsonObject, picture: PixelSize): GoldenDetection {
            val (left, top, right, bottom) = json.doubles("box").toList()
            val runs = json.doublesOrNull("mask")?.map { it.toInt() }?.toIntArray()
            return GoldenDetection(
                Detection(json.int("class"), json.double("score").toFloat(), Box(left, top, right, bottom), null),
                runs?.let { ObjectMask.ofRuns(picture, it) }
            )
        }
    }
}
