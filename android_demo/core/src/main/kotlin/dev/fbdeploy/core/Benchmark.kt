package dev.fbdeploy.core

/** What to time. */
data class BenchmarkRequest(val model: String, val iterations: Int = 100, val warmup: Int = 10, val threads: Int = 4) {
    init {
        require(iterations in 1..100_000) { "iterations must be 1 to 100000, not $iterations" }
        require(warmup in 0..100_000) { "warm-up must be 0 to 100000, not $warmup" }
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

data class BenchmarkRun(
    val request: BenchmarkRequest,
    val entry: ModelEntry,
    val backend: String,
    val backendVersion: String,
    val loadMilliseconds: Double,
    val latencies: List<Double>,
    val golden: GoldenReport,
    val before: DeviceState,
    val after: DeviceState
)

/** Loads, checks against golden.json, warms up and times one model. */
class BenchmarkRunner(private val bundle: Bundle, private val nanoTime: () -> Long = System::nanoTime) {
    /** Latencies cover the inference alone; each iteration takes the next golden picture. */
    fun run(request: BenchmarkRequest, backend: Backend, state: () -> DeviceState): BenchmarkRun {
        val entry = bundle.config.model(request.model)
        val golden = bundle.golden()
        val preprocessor = TimmPreprocessor(bundle.config.input)
        val tensors = golden.images.map { preprocessor.prepare(it.image).tensor }
        val started = nanoTime()
        return backend.load(bundle.file(entry), entry, request.threads).use { classifier ->
            val load = milliseconds(started)
            val report = GoldenCheck(golden).run(preprocessor, entry, classifier)
            repeat(request.warmup) { classifier.logits(tensors[it % tensors.size]) }
            val before = state()
            val latencies = List(request.iterations) {
                val start = nanoTime()
                classifier.logits(tensors[it % tensors.size])
                milliseconds(start)
            }
            BenchmarkRun(request, entry, backend.name, backend.version(), load, latencies, report, before, state())
        }
    }

    private fun milliseconds(since: Long): Double = (nanoTime() - since) / 1e6
}
