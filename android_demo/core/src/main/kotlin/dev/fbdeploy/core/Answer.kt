package dev.fbdeploy.core

/** What a network says of one picture; each task has its kind of answer. */
sealed interface Answer {
    /**
     * The best classes, best first. [sure] is whether the first is likelier than all others together
     * by the network's own account: below [SURE_FROM] it says nothing that one should rely on.
     */
    data class Ranking(val best: List<Prediction>) : Answer {
        val sure: Boolean get() = best.firstOrNull()?.let { it.probability >= SURE_FROM } ?: false
    }

    /** The class of each pixel of the network's input, and the [shares] of the classes in the picture. */
    data class Segmented(val mask: Mask, val shares: List<ClassShare>) : Answer

    /** [all] objects that a detector found in an upright [picture], the best first. */
    data class Detected(val all: List<Detection>, val picture: PixelSize, val thresholds: DetectionThresholds) :
        Answer {
        /** Those with a score above [score]. */
        fun above(score: Float): List<Detection> = all.takeWhile { it.score > score }

        /** The pixels of one of them; null of a detector without masks. */
        fun mask(detection: Detection): ObjectMask? = detection.mask(picture, thresholds.mask)
    }

    companion object {
        const val SURE_FROM = 0.5
    }
}

/** A model's outputs by name, batch of one, flat. */
typealias Outputs = Map<String, FloatArray>

/** Outputs to an answer: one for each task. */
fun interface Decoder {
    /** Of a [picture] of that size, which lies under the network's input as its placement says. */
    fun decode(outputs: Outputs, picture: PixelSize): Answer
}

/** What decodes the outputs of [model], by the task in model_config.json. */
fun decoderOf(config: ModelConfig, model: ModelEntry): Decoder = when (config.task) {
    "classification" -> ClassificationDecoder()
    "segmentation" -> SegmentationDecoder(config.input, model.output(ClassificationDecoder.LOGITS).shape)
    "detection" -> DetectionDecoder(config.input, config.thresholds, model)
    else -> throw IllegalArgumentException("this app shows no answers of ${config.task} networks: build a newer one")
}

/** The [count] best classes of the output called logits. */
class ClassificationDecoder(private val count: Int = 5) : Decoder {
    override fun decode(outputs: Outputs, picture: PixelSize): Answer =
        Answer.Ranking(TopK.of(outputs.getValue(LOGITS), count))

    companion object {
        const val LOGITS = "logits"
    }
}
