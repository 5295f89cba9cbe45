package dev.fbdeploy.core

import java.io.File

/** Of the demo bundle's documents. */
const val SCHEMA_VERSION = 2

enum class Interpolation { NEAREST, BILINEAR, BICUBIC }

enum class CropMode {
    CENTER,
    SQUASH,
    BORDER,
    LETTERBOX;

    /** Whether the whole picture is shown, and the rest of the input has the mean colour. */
    val padded: Boolean get() = this == BORDER || this == LETTERBOX
}

/**
 * What the network expects: RGB planes (NCHW) of [height] x [width] pixels, scaled to 0..1, then
 * (value - mean) / std. [cropPct] is the part of the resized shorter side that the crop keeps.
 */
data class InputSpec(
    val height: Int,
    val width: Int,
    val mean: List<Float>,
    val std: List<Float>,
    val cropPct: Double,
    val interpolation: Interpolation,
    val cropMode: CropMode
)

/** One of a model's outputs, in order; [stored] is what the file calls it, empty where it goes by position. */
data class OutputSpec(val name: String, val stored: String, val shape: List<Int>) {
    val elements: Int get() = shape.fold(1, Int::times)
}

/** One model file of the bundle; [file] is relative to the bundle's folder. */
data class ModelEntry(
    val id: String,
    val file: String,
    val format: String,
    val precision: String,
    val sha256: String,
    val input: TensorSpec,
    val outputs: List<OutputSpec>
) {
    fun output(name: String): OutputSpec = outputs.firstOrNull { it.name == name }
        ?: throw IllegalArgumentException("$id has no output $name; it has ${outputs.joinToString { it.name }}")
}

/** The demo bundle's model_config.json. */
data class ModelConfig(
    val network: String,
    val task: String,
    val input: InputSpec,
    val models: List<ModelEntry>,
    val detection: DetectionThresholds? = null
) {
    /** Of a detector. */
    val thresholds: DetectionThresholds
        get() = requireNotNull(detection) { "model_config.json has no thresholds of detections: deploy again" }

    fun model(id: String): ModelEntry = models.firstOrNull { it.id == id }
        ?: throw IllegalArgumentException("no model $id in the bundle; it has ${models.joinToString { it.id }}")

    companion object {
        fun parse(text: String): ModelConfig {
            val root = JsonObject.parse(text)
            requireSchema(root, "model_config.json")
            return ModelConfig(
                root.string("network"),
                root.string("task"),
                inputSpec(root.obj("input")),
                root.objects("models").mapNotNull(::entry),
                root.objOrNull("detection")?.let {
                    DetectionThresholds(it.double("score_threshold").toFloat(), it.double("mask_threshold"))
                }
            )
        }

        fun inputSpec(json: JsonObject): InputSpec {
            val layout = json.string("layout")
            val color = json.string("color")
            require(layout == "NCHW" && color == "RGB") { "this app feeds RGB in NCHW, not $color in $layout" }
            return InputSpec(
                height = json.int("height"),
                width = json.int("width"),
                mean = json.doubles("mean").map { it.toFloat() },
                std = json.doubles("std").map { it.toFloat() },
                cropPct = json.double("crop_pct"),
                interpolation = Interpolation.valueOf(json.string("interpolation").uppercase()),
                cropMode = CropMode.valueOf(json.string("crop_mode").uppercase())
            )
        }

        /** Null for a model that takes or gives what this app does not: Core ML's pictures, classes for logits. */
        private fun entry(json: JsonObject): ModelEntry? {
            val input = tensor(json.obj("input")) ?: return null
            if (json.objects("outputs").any { it.string("dtype") != "float32" }) return null
            return ModelEntry(
                id = json.string("id"),
                file = json.string("file"),
                format = json.string("format"),
                precision = json.string("precision"),
                sha256 = json.string("sha256"),
                input = input,
                outputs = json.objects("outputs").map(::output)
            )
        }

        private fun output(json: JsonObject) =
            OutputSpec(json.string("name"), json.string("stored"), json.doubles("shape").map { it.toInt() })

        private fun tensor(json: JsonObject): TensorSpec? {
            val type = TensorType.entries.firstOrNull { it.name == json.string("dtype").uppercase() } ?: return null
            return TensorSpec(json.string("name"), json.doubles("shape").map { it.toInt() }, type)
        }
    }
}

internal fun requireSchema(root: JsonObject, name: String) {
    val version = root.int("schema_version")
    require(version == SCHEMA_VERSION) {
        "$name has schema version $version and this app reads $SCHEMA_VERSION: write the bundle and build the app " +
            "with the same fbdeploy"
    }
}

/** An unpacked demo bundle. */
class Bundle(val folder: File) {
    val config: ModelConfig = ModelConfig.parse(File(folder, "model_config.json").readText())

    /** By class index, so an empty name keeps its line. */
    val labels: List<String> = File(folder, "labels.txt").readText().removeSuffix("\n").split("\n")

    fun golden(): Golden = Golden.parse(File(folder, "golden.json").readText())

    fun file(model: ModelEntry): File = File(folder, model.file)
}
