package dev.fbdeploy.core

import java.util.Base64

/** What Python's runtime answered for one model. */
data class GoldenOutput(val model: String, val logits: FloatArray, val top: List<Int>)

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
    val logitTolerance: Map<String, Double>,
    val images: List<GoldenImage>
) {
    companion object {
        fun parse(text: String): Golden {
            val root = JsonObject.parse(text)
            requireSchema(root, "golden.json")
            val tolerance = root.obj("tolerance")
            val logits = tolerance.objects("logits").associate { it.string("precision") to it.double("max_abs") }
            return Golden(
                pixelTolerance = tolerance.int("pixel"),
                tensorTolerance = tolerance.double("tensor"),
                logitTolerance = logits,
                images = root.objects("images").map(::image)
            )
        }

        private fun image(json: JsonObject): GoldenImage {
            val decoder = Base64.getDecoder()
            return GoldenImage(
                name = json.string("name"),
                image = RgbImage(json.int("width"), json.int("height"), decoder.decode(json.string("rgb"))),
                input = decoder.decode(json.string("input_rgb")),
                probes = json.objects("probes").map { Probe(it.int("index"), it.double("value").toFloat()) },
                outputs = json.objects("outputs").map(::output)
            )
        }

        private fun output(json: JsonObject): GoldenOutput {
            val logits = json.doubles("logits")
            return GoldenOutput(
                model = json.string("model"),
                logits = FloatArray(logits.size) { logits[it].toFloat() },
                top = json.objects("top").map { it.int("class") }
            )
        }
    }
}
