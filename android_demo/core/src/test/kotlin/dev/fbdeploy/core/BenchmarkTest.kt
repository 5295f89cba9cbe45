package dev.fbdeploy.core

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

class BenchmarkTest {
    @Test
    fun theBenchmarkGoesOnUntilRunsAndSecondsAreDone() {
        val bundle = TestBundle.bundle
        val model = bundle.config.models.first()
        val answer = bundle.golden().images.first().outputs.first { it.model == model.id }.values
        val backend = FixedBackend(answer)
        var clock = 0L
        val runner = BenchmarkRunner(bundle, nanoTime = { clock.also { clock += 5_000_000 } })
        val state = DeviceState(null, null, null, null)
        val short = BenchmarkRequest(model.id, iterations = 7, seconds = 0f, warmup = 3, warmupSeconds = 0f)
        val counted = runner.run(short, backend) { state }
        assertEquals(List(7) { 5.0 }, counted.latencies)
        assertEquals(3, counted.warmupRuns)
        assertEquals(5.0, counted.prepareMilliseconds)
        // Looks at the clock are 5 ms apart: two an inference, and one more to see whether it was long enough.
        val timed = runner.run(short.copy(seconds = 0.25f, warmupSeconds = 0.125f), backend) { state }
        assertEquals(19, timed.latencies.size)
        assertEquals(9, timed.warmupRuns)
        // Every picture gets the first one's answer: the others must be seen to differ.
        assertTrue(counted.golden.topEqual in 1 until bundle.golden().images.size)
    }

    @Test
    fun theTableHasWhatPixelsSave() {
        val bundle = TestBundle.bundle
        val answer = mapOf("logits" to FloatArray(bundle.labels.size))
        val request = BenchmarkRequest("any", iterations = 1, seconds = 0f, warmup = 0, warmupSeconds = 0f)
        var clock = 0L
        val step = 2_000_000L
        val suite = BenchmarkSuite(
            BenchmarkRunner(bundle, nanoTime = { clock.also { clock += step } }),
            { FixedBackend(answer) },
            { DeviceState(null, null, null, null) }
        )
        val rows = ArrayList<SuiteRow>()
        suite.run(listOf("onnx-int8-uint8", "onnx-int8", "onnx-fp32").map(bundle.config::model), request, rows::add)
        val table = SuiteTable.text(rows).lines()
        assertEquals(5, table.size)
        // A look at the clock is 2 ms after the last: one to prepare, one to run.
        assertEquals("onnx-int8: 4.00 ms to prepare and run, onnx-int8-uint8: 4.00 ms", table.last())
        assertEquals(3, SuiteTable.text(listOf(rows[0], rows[2])).lines().size, "nothing to compare with")
    }

    @Test
    fun badRequestsAreRefused() {
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", iterations = 0) }
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", threads = 0) }
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", seconds = -1f) }
        assertFailsWith<IllegalArgumentException> { TestBundle.bundle.config.model("no-such-model") }
    }

    @Test
    fun aSuiteGoesOnAfterAFailureAndKeepsWhatWasDoneBeforeACancel() {
        val bundle = TestBundle.bundle
        val entries = bundle.config.models.take(2)
        assertEquals(2, entries.size)
        val answer = mapOf("logits" to FloatArray(bundle.labels.size))
        var stop = false
        val runner = BenchmarkRunner(bundle, cancelled = { stop })
        val template = BenchmarkRequest("any", iterations = 2, seconds = 0f, warmup = 1, warmupSeconds = 0f)
        val state = DeviceState(null, null, null, null)
        var loads = 0
        val suite = BenchmarkSuite(
            runner,
            {
                if (loads++ == 0) throw UnsatisfiedLinkError("no such library\nat ...")
                FixedBackend(answer)
            },
            { state }
        )
        val rows = ArrayList<SuiteRow>()
        assertTrue(suite.run(entries, template, rows::add))
        assertEquals(SuiteRow.Failed(entries[0], "no such library"), rows[0])
        assertEquals(entries[1].id, (rows[1] as SuiteRow.Done).run.request.model)
        val table = SuiteTable.text(rows).lines()
        assertEquals(3, table.size)
        assertTrue("no such library" in table[1] && "/${bundle.golden().images.size}" in table[2], table.toString())

        rows.clear()
        assertFalse(
            suite.run(entries, template) {
                rows += it
                stop = true
            }
        )
        assertEquals(1, rows.size)
    }
}

/** A backend whose answers are known. */
class FixedBackend(private val answer: Outputs) : Backend {
    override val name = "fake"
    override val format = "onnx"
    var closed = 0
        private set

    override fun version() = "0"

    override fun load(file: File, model: ModelEntry, threads: Int) = object : Classifier {
        override fun run(input: ModelInput): Outputs = answer

        override fun close() {
            closed++
        }
    }
}
