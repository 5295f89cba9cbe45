package dev.fbdeploy.core

/** What the live view shows of one picture; times in milliseconds. */
data class LiveResult(val top: List<Prediction>, val preprocessMilliseconds: Double, val inference: LatencyStatistics)

/** A loaded model behind the camera and the photo picker. All calls come from one thread. */
class LivePipeline(private val bundle: Bundle, private val nanoTime: () -> Long = System::nanoTime) : AutoCloseable {
    private val preprocessor = TimmPreprocessor(bundle.config.input)
    private val window = LatencyWindow()
    private var classifier: Classifier? = null

    /** Replaces the loaded model; the old one is released first, since both may not fit. */
    fun select(model: ModelEntry, backend: Backend, threads: Int) {
        close()
        window.clear()
        classifier = backend.load(bundle.file(model), model, threads)
    }

    /** Null while no model is loaded. */
    fun classify(image: RgbImage): LiveResult? {
        val loaded = classifier ?: return null
        val start = nanoTime()
        val input = preprocessor.prepare(image)
        val prepared = nanoTime()
        val logits = loaded.logits(input.tensor)
        window.add((nanoTime() - prepared) / 1e6)
        return LiveResult(TopK.of(logits), (prepared - start) / 1e6, window.statistics()!!)
    }

    override fun close() {
        classifier?.close()
        classifier = null
    }
}
