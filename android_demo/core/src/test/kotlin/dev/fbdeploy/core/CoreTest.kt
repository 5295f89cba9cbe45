package dev.fbdeploy.core

import java.io.File
import java.nio.ByteBuffer
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class CoreTest {
    @Test
    fun jsonSurvivesARoundTrip() {
        val text = """{"a":[1,-2.5,1.0E-7,true,null],"b":{"c":"\"\\ \u00e9 \u0007"},"d":[]}"""
        val value = Json.parse(text)
        assertEquals(value, Json.parse(Json.write(value)))
        assertEquals("\"\\ é \u0007", JsonObject.parse(text).obj("b").string("c"))
    }

    @Test
    fun brokenJsonIsRefused() {
        for (text in listOf("", "{", "[1,]", "{\"a\" 1}", "01", "nul", "\"\\x\"", "[1] 2", "\"\n\"")) {
            assertFailsWith<JsonException>(text) { Json.parse(text) }
        }
        assertFailsWith<JsonException> { Json.write(Double.NaN) }
        assertFailsWith<JsonException> { JsonObject.parse("{\"a\":1.5}").int("a") }
    }

    @Test
    fun percentilesFollowNumpy() {
        // numpy.percentile([5, 1, 4, 2, 10], (50, 90, 99))
        val statistics = LatencyStatistics.of(listOf(5.0, 1.0, 4.0, 2.0, 10.0))
        assertEquals(4.0, statistics.p50)
        assertEquals(8.0, statistics.p90, 1e-12)
        assertEquals(9.8, statistics.p99, 1e-12)
        assertEquals(4.4, statistics.mean, 1e-12)
    }

    @Test
    fun theWindowForgetsTheOldest() {
        val window = LatencyWindow(2)
        listOf(100.0, 1.0, 3.0).forEach(window::add)
        assertEquals(2.0, window.statistics()!!.p50)
    }

    @Test
    fun topKBreaksTiesByIndex() {
        val top = TopK.of(floatArrayOf(1f, 3f, 3f, -1f), 3)
        assertEquals(listOf(1, 2, 0), top.map { it.classIndex })
        assertEquals(1.0, TopK.softmax(floatArrayOf(500f, -500f, 499f)).sum(), 1e-12)
        assertEquals(1 / (1 + Math.exp(-1.0)), TopK.softmax(floatArrayOf(1f, 0f))[0], 1e-12)
    }

    @Test
    fun yuvMatchesPillow() {
        // Image.new("YCbCr", (1, 1), triple).convert("RGB").getpixel((0, 0)) of Pillow, within 1.
        val expected = mapOf(
            listOf(76, 85, 255) to listOf(254, 0, 0),
            listOf(150, 44, 21) to listOf(0, 255, 1),
            listOf(29, 255, 107) to listOf(0, 0, 254),
            listOf(128, 128, 128) to listOf(128, 128, 128),
            listOf(200, 100, 150) to listOf(230, 193, 150)
        )
        for ((yuv, rgb) in expected) {
            val (y, u, v) = yuv.map { Plane(ByteBuffer.wrap(byteArrayOf(it.toByte())), 1, 1) }
            val pixels = YuvImage(1, 1, y, u, v).toRgb().pixels
            rgb.forEachIndexed { index, value ->
                assertTrue(abs((pixels[index].toInt() and 0xFF) - value) <= 1, "$yuv gave ${pixels.toList()}")
            }
        }
    }

    @Test
    fun yuvRespectsStrides() {
        // Rows of 8 bytes for 6 pixels; chroma of every other byte, the rest as an NV21 neighbour would be.
        val luma = Plane(ByteBuffer.wrap(ByteArray(2 * 8) { (10 * (it / 8) + it % 8).toByte() }), 8, 1)
        val chroma = Plane(ByteBuffer.wrap(ByteArray(6) { (if (it % 2 == 0) 128 else 7).toByte() }), 8, 2)
        val image = YuvImage(6, 2, luma, chroma, chroma).toRgb()
        assertEquals(6 to 2, image.width to image.height)
        val expected = listOf(0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15).flatMap { listOf(it, it, it) }
        assertEquals(expected, image.pixels.map { it.toInt() })
    }

    @Test
    fun rotationTurnsClockwise() {
        // a b c    d a
        // d e f -> e b  by 90 degrees
        //          f c
        val image = RgbImage(3, 2, ByteArray(18) { (it / 3).toByte() })
        val turned = image.rotated(90)
        assertEquals(2 to 3, turned.width to turned.height)
        assertEquals(listOf(3, 0, 4, 1, 5, 2), List(6) { turned.pixels[3 * it].toInt() })
        assertContentEquals(image.pixels, turned.rotated(270).pixels)
        assertContentEquals(image.rotated(90).rotated(90).pixels, image.rotated(180).pixels)
        assertContentEquals(image.rotated(270).pixels, image.rotated(-90).pixels)
    }

    @Test
    fun argbBecomesRgb() {
        val image = RgbImage.fromArgb(1, 1, intArrayOf(0x7F102030))
        assertContentEquals(byteArrayOf(0x10, 0x20, 0x30), image.pixels)
    }

    @Test
    fun framesAreDroppedNotQueued() {
        val worker = Executors.newSingleThreadExecutor()
        val gate = FrameGate(worker)
        val release = CountDownLatch(1)
        val finished = CountDownLatch(1)
        val seen = ArrayList<Int>()
        var converted = 0

        fun frame(number: Int, work: () -> Unit = {}) = gate.submit({
            converted++
            RgbImage(1, 1, byteArrayOf(number.toByte(), 0, 0))
        }) { image ->
            seen += image.pixels[0].toInt()
            work()
        }

        frame(0) { release.await() }
        repeat(100) { frame(1) }
        assertEquals(100, gate.dropped, "all that came while the first was in work")
        assertEquals(1, converted, "a dropped frame is not even converted")
        release.countDown()
        while (finished.count > 0) frame(2) { finished.countDown() }
        worker.shutdown()
        assertTrue(worker.awaitTermination(10, TimeUnit.SECONDS))
        assertEquals(listOf(0, 2), seen.take(2))
    }

    @Test
    fun aFrameThatFailsOrComesTooLateDoesNotBlockTheNext() {
        val gate = FrameGate { it.run() }
        val image = RgbImage(1, 1, ByteArray(3))
        assertFailsWith<IllegalStateException> { gate.submit({ error("no memory") }) { } }
        assertFailsWith<IllegalStateException> { gate.submit({ image }) { error("no model") } }
        var worked = 0
        gate.submit({ image }) { worked++ }
        assertEquals(1, worked)
        val closed = Executors.newSingleThreadExecutor()
        closed.shutdown()
        FrameGate(closed).submit({ image }) { worked++ }
        assertEquals(1, worked)
    }

    @Test
    fun coreFrequenciesAreRead() {
        val root = File.createTempFile("cpu", "").also { it.delete() }
        listOf(0 to "1800000", 1 to "2400000").forEach { (core, frequency) ->
            File(root, "cpu$core/cpufreq").mkdirs()
            File(root, "cpu$core/cpufreq/cpuinfo_max_freq").writeText("$frequency\n")
        }
        assertEquals(listOf(1_800_000, 2_400_000), CpuInfo.maxKilohertz(root, 4))
        root.deleteRecursively()
    }

    @Test
    fun geometryTurnsAndFits() {
        assertEquals(90, Geometry.frameRotation(90, 0))
        assertEquals(270, Geometry.frameRotation(0, 90))
        // A 3:4 picture in a 1:2 view is too wide by 1.5; in a 1:1 view too high by 4/3.
        assertEquals(1.5f to 1f, Geometry.fillScale(100, 200, 300, 400))
        assertEquals(1f to 4f / 3, Geometry.fillScale(100, 100, 300, 400))
        assertEquals(640 to 480, Geometry.nearestSize(listOf(1920 to 1080, 640 to 480, 320 to 240), 640, 480))
        assertEquals(listOf(0, 180, 90, 270), listOf(1, 3, 6, 8).map(Geometry::exifRotation))
    }

    @Test
    fun theLivePipelineRanksAndForgetsOnSwitching() {
        val bundle = TestBundle.bundle
        val logits = FloatArray(bundle.labels.size) { it.toFloat() }
        val backend = FixedBackend(logits)
        var clock = 0L
        val pipeline = LivePipeline(bundle) { clock.also { clock += 2_000_000 } }
        val image = bundle.golden().images.first().image
        assertEquals(null, pipeline.classify(image))
        pipeline.select(bundle.config.models.first(), backend, 1)
        repeat(3) { pipeline.classify(image) }
        pipeline.select(bundle.config.models.first(), backend, 2)
        val result = pipeline.classify(image)!!
        assertEquals(bundle.labels.size - 1, result.top.first().classIndex)
        assertEquals(2.0, result.preprocessMilliseconds)
        assertEquals(1, result.inference.count)
        assertEquals(1, backend.closed)
    }

    @Test
    fun theBenchmarkGoesOnUntilRunsAndSecondsAreDone() {
        val bundle = TestBundle.bundle
        val model = bundle.config.models.first()
        val answer = bundle.golden().images.first().outputs.first { it.model == model.id }.logits
        val backend = FixedBackend(answer)
        var clock = 0L
        val runner = BenchmarkRunner(bundle) { clock.also { clock += 5_000_000 } }
        val state = DeviceState(null, null, null, null)
        val short = BenchmarkRequest(model.id, iterations = 7, seconds = 0f, warmup = 3, warmupSeconds = 0f)
        val counted = runner.run(short, backend) { state }
        assertEquals(List(7) { 5.0 }, counted.latencies)
        assertEquals(3, counted.warmupRuns)
        // Looks at the clock are 5 ms apart: two an inference, and one more to see whether it was long enough.
        val timed = runner.run(short.copy(seconds = 0.25f, warmupSeconds = 0.125f), backend) { state }
        assertEquals(19, timed.latencies.size)
        assertEquals(9, timed.warmupRuns)
        // Every picture gets the first one's answer: the others must be seen to differ.
        assertTrue(counted.golden.topEqual in 1 until bundle.golden().images.size)
    }

    @Test
    fun aBundleOfAnotherVersionIsRefused() {
        val text = File(TestBundle.bundle.folder, "model_config.json").readText()
        val newer = text.replace("\"schema_version\": 1", "\"schema_version\": 2")
        assertFailsWith<IllegalArgumentException> { ModelConfig.parse(newer) }
    }

    @Test
    fun badRequestsAreRefused() {
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", iterations = 0) }
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", threads = 0) }
        assertFailsWith<IllegalArgumentException> { BenchmarkRequest("m", seconds = -1f) }
        assertFailsWith<IllegalArgumentException> { TestBundle.bundle.config.model("no-such-model") }
    }
}

/** A backend whose answers are known. */
private class FixedBackend(private val answer: FloatArray) : Backend {
    override val name = "fake"
    override val format = "fake"
    var closed = 0
        private set

    override fun version() = "0"

    override fun load(file: File, model: ModelEntry, threads: Int) = object : Classifier {
        override fun logits(tensor: FloatArray) = answer

        override fun close() {
            closed++
        }
    }
}
