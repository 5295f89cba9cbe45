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

    companion object {
        const val SURE_FROM = 0.5
    }
}

/** A model's outputs by name, batch of one, flat. */
typealias Outputs = Map<String, FloatArray>

/** Outputs to an answer: one for each task. */
fun interface Decoder {
    fun decode(outputs: Outputs): Answer
}

/** What decodes the outputs of networks for a task, by its name in model_config.json. */
fun decoderOf(task: String): Decoder = when (task) {
    "classification" -> ClassificationDecoder()
    else -> throw IllegalArgumentException("this app shows no answers of $task networks: build a newer one")
}

/** The [count] best classes of the output called logits. */
class ClassificationDecoder(private val count: Int = 5) : Decoder {
    override fun decode(outputs: Outputs): Answer = Answer.Ranking(TopK.of(outputs.getValue(LOGITS), count))

    companion object {
        const val LOGITS = "logits"
    }
}
