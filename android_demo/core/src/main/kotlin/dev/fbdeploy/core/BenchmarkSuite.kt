package dev.fbdeploy.core

import java.util.Locale

/** What became of one model of a benchmark of several. */
sealed interface SuiteRow {
    val entry: ModelEntry

    data class Done(override val entry: ModelEntry, val run: BenchmarkRun) : SuiteRow

    data class Failed(override val entry: ModelEntry, val reason: String) : SuiteRow
}

/**
 * Benchmarks one model after the other. One that fails does not stop the rest; what was done before
 * the user cancels is kept.
 */
class BenchmarkSuite(
    private val runner: BenchmarkRunner,
    private val backends: (format: String) -> Backend,
    private val state: () -> DeviceState
) {
    /** Calls [onRow] as each of [models] is done; returns whether all were, not cancelled. */
    fun run(models: List<ModelEntry>, template: BenchmarkRequest, onRow: (SuiteRow) -> Unit): Boolean {
        for (entry in models) {
            onRow(row(entry, template.copy(model = entry.id)) ?: return false)
        }
        return true
    }

    /** What a runtime throws is its affair, and a library may be missing: both are this model's row. */
    @Suppress("TooGenericExceptionCaught")
    private fun row(entry: ModelEntry, request: BenchmarkRequest): SuiteRow? = try {
        SuiteRow.Done(entry, runner.run(request, backends(entry.format), state))
    } catch (_: BenchmarkCancelled) {
        null
    } catch (error: Exception) {
        SuiteRow.Failed(entry, reason(error))
    } catch (error: LinkageError) {
        SuiteRow.Failed(entry, reason(error))
    }

    private fun reason(error: Throwable): String = (error.message ?: error.toString()).lineSequence().first()
}

/** The suite's results as a table of fixed-width text, and what models save that take pixels. */
object SuiteTable {
    private const val HEADER = "%-22s %9s %9s %9s %9s %8s"
    private const val ROW = "%-22s %9.2f %9.2f %9.2f %9.1f %8s"
    private const val SAVED = "%s: %.2f ms to prepare and run, %s: %.2f ms"

    fun text(rows: List<SuiteRow>): String {
        val header = HEADER.format(Locale.ROOT, "model", "prepare", "p50 ms", "p90 ms", "load ms", "golden")
        return (listOf(header) + rows.map(::line) + saved(rows.filterIsInstance<SuiteRow.Done>())).joinToString("\n")
    }

    /** Models that take pixels beside the same with values in: an id is FORMAT-BUILD, then the variant. */
    private fun saved(rows: List<SuiteRow.Done>): List<String> =
        rows.filter { it.entry.input.type == TensorType.UINT8 }.mapNotNull { pixels ->
            rows.firstOrNull { it.entry.id == pixels.entry.id.substringBeforeLast("-") }?.let {
                SAVED.format(Locale.ROOT, it.entry.id, whole(it.run), pixels.entry.id, whole(pixels.run))
            }
        }

    private fun whole(run: BenchmarkRun): Double = run.prepareMilliseconds + LatencyStatistics.of(run.latencies).p50

    private fun line(row: SuiteRow): String = when (row) {
        is SuiteRow.Failed -> "%-22s %s".format(Locale.ROOT, row.entry.id, row.reason)

        is SuiteRow.Done -> {
            val statistics = LatencyStatistics.of(row.run.latencies)
            val golden = "${row.run.golden.topEqual}/${row.run.golden.images}"
            ROW.format(
                Locale.ROOT,
                row.entry.id,
                row.run.prepareMilliseconds,
                statistics.p50,
                statistics.p90,
                row.run.loadMilliseconds,
                golden
            )
        }
    }
}
