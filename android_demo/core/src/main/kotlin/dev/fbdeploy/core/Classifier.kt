package dev.fbdeploy.core

import java.io.File

/** A loaded model. Calls come from one thread at a time. */
interface Classifier : AutoCloseable {
    /** Outputs for one image as the model's input takes it. */
    fun run(input: ModelInput): Outputs
}

/** An inference library: one entry of the app's table of backends. */
interface Backend {
    val name: String

    /** The export format it reads: onnx, executorch, litert. */
    val format: String

    fun version(): String

    /**
     * A model ready to run: all that a library prepares only once is done when this returns, so that
     * loading takes what it takes in each of them. No other model of the library may be loaded, since
     * some share one pool of threads over the whole process.
     */
    fun load(file: File, model: ModelEntry, threads: Int): Classifier
}
