package dev.fbdeploy.core

import kotlin.math.exp

/** One answer of a classifier; [probability] is the softmax of the logits, 0..1. */
data class Prediction(val classIndex: Int, val probability: Double)

object TopK {
    fun softmax(logits: FloatArray): DoubleArray {
        val top = logits.max()
        val powers = DoubleArray(logits.size) { exp((logits[it] - top).toDouble()) }
        val total = powers.sum()
        return DoubleArray(powers.size) { powers[it] / total }
    }

    /** The [count] best classes, best first; of equals the lower index comes first. */
    fun of(logits: FloatArray, count: Int = 5): List<Prediction> {
        val probabilities = softmax(logits)
        return logits.indices.sortedByDescending { logits[it] }.take(count).map { Prediction(it, probabilities[it]) }
    }
}
