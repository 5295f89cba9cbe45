package dev.fbdeploy.core

/**
 * What to time: at least [iterations] inferences and [seconds] of them, after a warm-up of at least
 * [warmup] and [warmupSeconds]. A phone needs part of a second to raise its clocks.
 */
data class BenchmarkRequest(
    val model: String,
    val iterations: Int = 100,
    val seconds: Float = 2f,
    val warmup: Int = 10,
    val warmupSeconds: Float = 1f,
    val threads: Int = 4
) {
    init {
        require(iterations in 1..100_000) { "iterations must be 1 to 100000, not $iterations" }
        require(seconds in 0f..600f) { "seconds must be 0 to 600, not $seconds" }
        require(warmup in 0..100_000) { "warm-up must be 0 to 100000, not $warmup" }
        require(warmupSeconds in 0f..600f) { "seconds of warm-up must be 0 to 600, not $warmupSeconds" }
        require(threads in 1..64) { "threads must be 1 to 64, not $threads" }
    }
}

/**
 * The phone around a run. [thermalStatus] is Android's PowerManager scale 0 (none) to 6 (shutdown),
 * null before API 29; [batteryPercent] is 0..100.
 */
data class DeviceState(
    val thermalStatus: Int?,
    val batteryPercent: Int?,
    val charging: Boolean?,
    val powerSave: Boolean?
)

/** The phone itself; [coreMaxKilohertz] has one value per core where the kernel tells. */
data class Device(
    val manufacturer: String,
    val model: String,
    val osVersion: String,
    val abi: String,
    val cores: Int,
    val coreMaxKilohertz: List<Int>
)

/**
 * A finished run; [latencies] are milliseconds, raw and in order, after [warmupRuns].
 * [prepareMilliseconds] is the median of making the model's input of a golden picture.
 */
data class BenchmarkRun(
    val request: BenchmarkRequest,
    val entry: ModelEntry,
    val backend: String,
    val backendVersion: String,
    val loadMilliseconds: Double,
    val prepareMilliseconds: Double,
    val warmupRuns: Int,
    val latencies: List<Double>,
    val golden: GoldenReport,
    val before: DeviceState,
    val after: DeviceState
)

/** The user ended a benchmark before it was done. */
class BenchmarkCancelled : RuntimeException("the benchmark was cancelled")

/** Loads, checks against golden.json, warms up and times one model. */
class BenchmarkRunner(
    private val bundle: Bundle,
    private val cancelled: () -> Boolean = { false },
    private val nanoTime: () -> Long = System::nanoTime
) {
    /**
     * Latencies cover the inference alone, from what the model takes to outputs; each iteration takes the
     * next golden picture. Throws BenchmarkCancelled.
     */
    fun run(request: BenchmarkRequest, backend: Backend, state: () -> DeviceState): BenchmarkRun {
        val entry = bundle.config.model(request.model)
        val golden = bundle.golden()
        val preprocessor = TimmPreprocessor(bundle.config.input)
        val inputs = golden.images.map { entry.input.of(preprocessor.prepare(it.image)) }
        val started = nanoTime()
        return backend.load(bundle.file(entry), entry, request.threads).use { classifier ->
            val load = milliseconds(started)
            val report = GoldenCheck(bundle.config, golden).run(preprocessor, entry, classifier)
            val prepare = preparing(golden, preprocessor, entry.input)
            val warmup = timed(request.warmup, request.warmupSeconds, inputs, classifier)
            val before = state()
            val latencies = timed(request.iterations, request.seconds, inputs, classifier)
            BenchmarkRun(
                request,
                entry,
                backend.name,
                backend.version(),
                load,
                prepare,
                warmup.size,
                latencies,
                report,
                before,
                state()
            )
        }
    }

    /** Milliseconds of inferences, until there are [count] of them and [seconds] have gone. */
    private fun timed(count: Int, seconds: Float, inputs: List<ModelInput>, classifier: Classifier): List<Double> {
        val latencies = ArrayList<Double>(count)
        val started = nanoTime()
        while (latencies.size < count || milliseconds(started) < 1000.0 * seconds) {
            if (cancelled()) throw BenchmarkCancelled()
            val start = nanoTime()
            classifier.run(inputs[latencies.size % inputs.size])
            latencies += milliseconds(start)
        }
        return latencies
    }

    /** The median of the later half of the rounds, when the code has been compiled. */
    private fun preparing(golden: Golden, preprocessor: Preprocessor, input: TensorSpec): Double {
        val times = List(PREPARE_ROUNDS) {
            if (cancelled()) throw BenchmarkCancelled()
            golden.images.map {
                val start = nanoTime()
                input.of(preprocessor.prepare(it.image))
                milliseconds(start)
            }
        }
        return LatencyStatistics.of(times.drop(PREPARE_ROUNDS / 2).flatten()).p50
    }

    private fun milliseconds(since: Long): Double = (nanoTime() - since) / 1e6

    private companion object {
        const val PREPARE_ROUNDS = 20
    }
}
