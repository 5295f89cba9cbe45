package dev.fbdeploy.core

import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

class LiveTest {
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
        }) { captured ->
            seen += captured.image.pixels[0].toInt()
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
        val gate = FrameGate({ it.run() })
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
    fun theLivePipelineRanksAndForgetsOnSwitching() {
        val bundle = TestBundle.bundle
        val logits = FloatArray(bundle.labels.size) { it.toFloat() }
        val backend = FixedBackend(mapOf("logits" to logits))
        var clock = 0L
        val pipeline = LivePipeline(bundle, nanoTime = { clock.also { clock += 2_000_000 } })
        val image = Captured(bundle.golden().images.first().image, 7.0)
        assertEquals(null, pipeline.classify(image))
        pipeline.select(bundle.config.models.first(), backend, 1)
        repeat(3) { pipeline.classify(image) }
        pipeline.select(bundle.config.models.first(), backend, 2)
        val result = pipeline.classify(image)!!
        assertEquals(bundle.labels.size - 1, (result.answer as Answer.Ranking).best.first().classIndex)
        assertEquals(FrameTimes(camera = 7.0, prepare = 2.0, infer = 2.0, decode = 2.0), result.times)
        assertEquals(null, result.framesPerSecond, "one frame has no rate")
        // Four looks at the clock a frame.
        assertEquals(125.0, pipeline.classify(image)!!.framesPerSecond!!, 1e-9)
        assertEquals(1, result.inference.count)
        assertEquals(1, backend.closed)
    }

    @Test
    fun theFrameRateForgetsPauses() {
        val rate = FrameRate(capacity = 3)
        val rates = listOf(0L, 100, 200, 300, 5000, 5050).map {
            rate.add(it * 1_000_000)
            rate.perSecond()
        }
        assertEquals(listOf(null, 10.0, 10.0, 10.0, null, 20.0), rates)
    }

    @Test
    fun numbersAreThrottled() {
        var now = 0L
        val throttle = Throttle(250) { now }
        val shown = listOf(0, 100, 249, 250, 400, 500).filter {
            now = it * 1_000_000L
            throttle.due()
        }
        assertEquals(listOf(0, 250, 500), shown)
    }

    @Test
    fun anAnswerNoLikelierThanAllOthersIsNotSure() {
        val decoder = ClassificationDecoder(count = 2)

        fun ranking(logits: FloatArray, more: Outputs = emptyMap()) =
            decoder.decode(mapOf("logits" to logits) + more, PixelSize(1, 1)) as Answer.Ranking
        val sure = ranking(floatArrayOf(0f, 5f, 0f))
        assertTrue(sure.sure)
        assertEquals(listOf(1, 0), sure.best.map { it.classIndex })
        assertFalse(ranking(FloatArray(10)).sure)
        assertFalse(Answer.Ranking(emptyList()).sure)
        assertEquals(1, ranking(floatArrayOf(0f, 1f), mapOf("boxes" to floatArrayOf(9f))).best.first().classIndex)
        val config = TestBundle.bundle.config
        assertFailsWith<IllegalArgumentException> {
            decoderOf(config.copy(task = "mind reading"), config.models.first())
        }
    }
}
