package dev.fbdeploy.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.WindowManager
import android.widget.TextView
import dev.fbdeploy.core.BenchmarkRequest
import dev.fbdeploy.core.BenchmarkRun
import dev.fbdeploy.core.BenchmarkRunner
import dev.fbdeploy.core.LatencyStatistics
import dev.fbdeploy.core.ResultJson
import java.io.File
import java.time.Instant
import java.time.temporal.ChronoUnit
import kotlin.concurrent.thread

/**
 * Times one model and writes files/results/NAME.json, or NAME.error with one line:
 *
 *     adb shell am start -W -S -n dev.fbdeploy.demo/.BenchmarkActivity --es model onnx-int8 \
 *         --es name run1 --ei iterations 100 --ef seconds 2 --ei warmup 10 --ef warmup_seconds 1 --ei threads 4
 */
class BenchmarkActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        // Behind a dark or locked screen Android would take the fast cores away.
        @Suppress("DEPRECATION") // The successors of two need API 27.
        window.addFlags(
            WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON or
                WindowManager.LayoutParams.FLAG_TURN_SCREEN_ON or
                WindowManager.LayoutParams.FLAG_SHOW_WHEN_LOCKED
        )
        setContentView(R.layout.benchmark)
        // A turned or restored activity does not measure again.
        if (state == null) thread(name = "benchmark") { measure(intent) }
    }

    /** Whatever goes wrong must reach the waiting `fbdeploy bench`. */
    @Suppress("TooGenericExceptionCaught")
    private fun measure(intent: Intent) {
        val folder = File(filesDir, "results").also { it.mkdirs() }
        val name = intent.getStringExtra(NAME) ?: "latest"
        try {
            require(NAME_PATTERN.matches(name)) { "a result name of letters, digits, - and _ is wanted, not $name" }
            val (text, report) = run(intent)
            write(File(folder, "$name.json"), text)
            show(report)
        } catch (error: Throwable) {
            val line = (error.message ?: error.toString()).lineSequence().first()
            write(File(folder, if (NAME_PATTERN.matches(name)) "$name.error" else "latest.error"), line)
            show(line)
        }
    }

    private fun run(intent: Intent): Pair<String, String> {
        val bundle = BundleStore.open(this) ?: throw IllegalStateException("the app holds no demo bundle")
        val defaults = BenchmarkRequest(intent.getStringExtra(MODEL) ?: bundle.config.models.first().id)
        val request = defaults.copy(
            iterations = intent.getIntExtra(ITERATIONS, defaults.iterations),
            seconds = intent.getFloatExtra(SECONDS, defaults.seconds),
            warmup = intent.getIntExtra(WARMUP, defaults.warmup),
            warmupSeconds = intent.getFloatExtra(WARMUP_SECONDS, defaults.warmupSeconds),
            threads = intent.getIntExtra(THREADS, defaults.threads)
        )
        val reader = DeviceReader(this)
        val started = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()
        val backend = Backends.forFormat(bundle.config.model(request.model).format)
        val run = BenchmarkRunner(bundle).run(request, backend, reader::state)
        val text = ResultJson.write("android_demo", started, bundle.config.network, reader.device(), listOf(run))
        return text to summary(run)
    }

    private fun summary(run: BenchmarkRun): String {
        val statistics = LatencyStatistics.of(run.latencies)
        val lines = listOf(
            "%s on %s %s, %d threads",
            "p50 %.2f  p90 %.2f  p99 %.2f ms of %d runs",
            "golden images: %d of %d equal"
        )
        return lines.joinToString("\n").format(
            run.entry.id,
            run.backend,
            run.backendVersion,
            run.request.threads,
            statistics.p50,
            statistics.p90,
            statistics.p99,
            statistics.count,
            run.golden.topEqual,
            run.golden.images
        )
    }

    /** The reader polls for the name, so it appears only when the file is whole. */
    private fun write(target: File, text: String) {
        val partial = File(target.path + ".partial")
        partial.writeText(text)
        partial.renameTo(target)
    }

    private fun show(text: String) = runOnUiThread { view<TextView>(R.id.report).text = text }

    companion object {
        const val MODEL = "model"
        const val NAME = "name"
        const val ITERATIONS = "iterations"
        const val SECONDS = "seconds"
        const val WARMUP = "warmup"
        const val WARMUP_SECONDS = "warmup_seconds"
        const val THREADS = "threads"
        private val NAME_PATTERN = Regex("[A-Za-z0-9_-]{1,64}")
    }
}
