package dev.fbdeploy.core

import java.io.File

/** A loaded model. Calls come from one thread at a time. */
interface Classifier : AutoCloseable {
    /** Logits of one normalized NCHW [tensor]. */
    fun logits(tensor: FloatArray): FloatArray
}

/** An inference library: one entry of the app's table of backends. */
interface Backend {
    val name: String

    /** The export format it reads: onnx, executorch, litert. */
    val format: String

    fun version(): String

    fun load(file: File, model: ModelEntry, threads: Int): Classifier
}
