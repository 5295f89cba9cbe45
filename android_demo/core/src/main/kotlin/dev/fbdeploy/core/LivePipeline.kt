package dev.fbdeploy.core

/** Milliseconds that one frame took: to convert and turn, to make the model's input, to run, to decode. */
data class FrameTimes(val camera: Double, val prepare: Double, val infer: Double, val decode: Double)

/** What the live view shows of one picture; [framesPerSecond] is null until there are two frames. */
data class LiveResult(
    val answer: Answer,
    val times: FrameTimes,
    val inference: LatencyStatistics,
    val framesPerSecond: Double?
)

/** A loaded model behind the camera and the photo picker. All calls come from one thread. */
class LivePipeline(private val bundle: Bundle, private val nanoTime: () -> Long = System::nanoTime) : AutoCloseable {
    private val preprocessor = TimmPreprocessor(bundle.config.input)
    private val window = LatencyWindow()
    private val rate = FrameRate()
    private var classifier: Classifier? = null
    private var taken: TensorSpec? = null
    private var decoder: Decoder? = null

    /** Replaces the loaded model; the old one is released first, since both may not fit. */
    fun select(model: ModelEntry, backend: Backend, threads: Int) {
        close()
        window.clear()
        rate.clear()
        taken = model.input
        decoder = decoderOf(bundle.config, model)
        classifier = backend.load(bundle.file(model), model, threads)
    }

    /** Null while no model is loaded. */
    fun classify(captured: Captured): LiveResult? {
        val loaded = classifier ?: return null
        val spec = taken ?: return null
        val decoder = decoder ?: return null
        val start = nanoTime()
        val input = spec.of(preprocessor.prepare(captured.image))
        val prepared = nanoTime()
        val outputs = loaded.run(input)
        val inferred = nanoTime()
        val answer = decoder.decode(outputs, captured.image.size)
        val decoded = nanoTime()
        window.add((inferred - prepared) / 1e6)
        rate.add(decoded)
        val times = FrameTimes(
            captured.milliseconds,
            (prepared - start) / 1e6,
            (inferred - prepared) / 1e6,
            (decoded - inferred) / 1e6
        )
        return LiveResult(answer, times, window.statistics()!!, rate.perSecond())
    }

    override fun close() {
        classifier?.close()
        classifier = null
    }
}
