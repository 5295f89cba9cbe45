package dev.fbdeploy.demo

import android.app.Activity
import android.content.Context
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.WindowManager
import android.widget.Button
import android.widget.TextView
import dev.fbdeploy.core.BenchmarkRequest
import dev.fbdeploy.core.BenchmarkRunner
import dev.fbdeploy.core.BenchmarkSuite
import dev.fbdeploy.core.ResultJson
import dev.fbdeploy.core.SuiteRow
import dev.fbdeploy.core.SuiteTable
import java.io.File
import java.time.Instant
import java.time.temporal.ChronoUnit
import kotlin.concurrent.thread

/** Benchmarks all models in one go: a table that grows, to be cancelled and shared. */
class CompareActivity : Activity() {
    private lateinit var comparison: Comparison

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.compare)
        @Suppress("DEPRECATION") // Its successors are AndroidX's.
        val kept = lastNonConfigurationInstance as Comparison?
        comparison = kept ?: Comparison(this, intent.getIntExtra(THREADS, 4)).also { it.start() }
        comparison.watcher = ::show
        view<Button>(R.id.cancel).setOnClickListener { comparison.cancel() }
        view<Button>(R.id.share).setOnClickListener {
            comparison.file?.let { ShareProvider.share(this, it, comparison.table) }
        }
        show()
    }

    @Deprecated("AndroidX has the successor, which this app does without.")
    override fun onRetainNonConfigurationInstance(): Any = comparison

    override fun onDestroy() {
        comparison.watcher = null
        if (!isChangingConfigurations) comparison.cancel()
        super.onDestroy()
    }

    private fun show() {
        view<TextView>(R.id.progress).text = comparison.progress
        view<TextView>(R.id.table).text = comparison.table
        view<Button>(R.id.cancel).isEnabled = !comparison.finished
        view<Button>(R.id.share).isEnabled = comparison.file != null
    }

    companion object {
        const val THREADS = "threads"
    }
}

/** A running comparison, which outlives a turned screen; its properties belong to the main thread. */
private class Comparison(context: Context, private val threads: Int) {
    private val application = context.applicationContext
    private val main = Handler(Looper.getMainLooper())
    private val rows = ArrayList<SuiteRow>()

    @Volatile
    private var cancelled = false
    var watcher: (() -> Unit)? = null
    var progress: String = application.getString(R.string.running)
        private set
    var table: String = ""
        private set
    var file: File? = null
        private set
    var finished = false
        private set

    fun cancel() {
        cancelled = true
    }

    fun start() {
        thread(name = "comparison") { measure() }
    }

    /** Whatever goes wrong is shown. */
    @Suppress("TooGenericExceptionCaught")
    private fun measure() {
        try {
            run()
        } catch (error: Exception) {
            update(true) { progress = (error.message ?: error.toString()).lineSequence().first() }
        }
    }

    private fun run() {
        val bundle = BundleStore.open(application) ?: throw IllegalStateException("the app holds no demo bundle")
        val models = Backends.models(bundle.config)
        val reader = DeviceReader(application)
        val started = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()
        val suite = BenchmarkSuite(BenchmarkRunner(bundle, { cancelled }), Backends::forFormat, reader::state)

        fun say(done: Int) = update(false) {
            models.getOrNull(done)?.let {
                progress = application.getString(R.string.compare_progress, done + 1, models.size, it.id)
            }
            table = SuiteTable.text(rows)
        }
        say(0)
        var done = 0
        val whole = suite.run(models, BenchmarkRequest(models.first().id, threads = threads)) { row ->
            done++
            main.post { rows += row }
            say(done)
        }
        main.post {
            val runs = rows.filterIsInstance<SuiteRow.Done>().map { it.run }
            if (runs.isNotEmpty()) {
                val target = File(ShareProvider.folder(application), "benchmark.json")
                val network = bundle.config.network
                target.writeText(ResultJson.write("android_demo", started, network, reader.device(), runs))
                file = target
            }
        }
        update(true) {
            progress = if (whole) {
                application.getString(R.string.compare_done, models.size)
            } else {
                application.getString(R.string.compare_cancelled, rows.size, models.size)
            }
        }
    }

    private fun update(last: Boolean, change: () -> Unit) = main.post {
        change()
        finished = last
        watcher?.invoke()
    }
}
