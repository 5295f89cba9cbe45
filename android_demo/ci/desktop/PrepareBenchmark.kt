package dev.fbdeploy.core

import java.util.Locale

/**
 * Times what the app does to a camera frame before the network, and to a segmenter's logits and a
 * detector's masks after it, beside the plain way of doing it (the baseline, see PlainFrames.kt,
 * PlainPreprocessor.kt, PlainMask.kt and PlainDetections.kt), on the JVM:
 *
 *     python android_demo/ci/bench_prepare.py
 */
object PrepareBenchmark {
    private const val ROUNDS = 60
    private const val WARM = 40

    @JvmStatic
    fun main(arguments: Array<String>) {
        val mean = listOf(0.485f, 0.456f, 0.406f)
        val std = listOf(0.229f, 0.224f, 0.225f)
        val spec = InputSpec(224, 224, mean, std, 0.875, Interpolation.BICUBIC, CropMode.CENTER)
        for (size in listOf(PixelSize(640, 480), PixelSize(1280, 720))) {
            val frame = noiseFrame(size.width, size.height, seed = 1)
            val geometry = FrameGeometry(size, 90, false)
            val plain = PlainPreprocessor(spec)
            val app = TimmPreprocessor(spec)
            val image = frame.toRgb(geometry)
            check(image.pixels.contentEquals(frame.plainRgb().plainRotated(90).pixels))
            check(app.prepare(image).tensor.contentEquals(plain.prepare(image).tensor))
            val named = "${size.width} x ${size.height}:"
            report("$named convert and turn", { frame.plainRgb().plainRotated(90) }, { frame.toRgb(geometry) })
            report("$named resize, crop, normalize", { plain.prepare(image).tensor }, { app.prepare(image).tensor })
            val (values, bytes) = TensorType.values().map { TensorSpec("", listOf(1, 224, 224, 3), it) }
            report("$named floats in, bytes in", { values.of(app.prepare(image)) }, { bytes.of(app.prepare(image)) })
        }
        masks(spec.copy(height = 520, width = 520, cropPct = 1.0))
        detections(spec.copy(height = 128, width = 128, cropPct = 1.0, cropMode = CropMode.LETTERBOX))
    }

    /** As many as the default detector finds at most, on a camera's frame. */
    private fun detections(spec: InputSpec) {
        val count = 20
        val shapes = mapOf(
            "boxes" to listOf(1, count, 4),
            "scores" to listOf(1, count),
            "labels" to listOf(1, count),
            "masks" to listOf(1, count, MASK, MASK)
        )
        val outputs = shapes.map { (name, shape) -> OutputSpec(name, name, shape) }
        val input = TensorSpec("", listOf(1, 3, spec.height, spec.width), TensorType.FLOAT32)
        val model = ModelEntry("", "", "", "", "", input, outputs)
        val decoder = DetectionDecoder(spec, DetectionThresholds(0.3f, 0.5), model)
        val made = madeUpDetections(count, spec.width)
        val decode = { decoder.decode(made, PixelSize(640, 480)) as Answer.Detected }
        val plain = { plainMasks(decode()) }
        val app = { decode().let { answer -> answer.all.map { answer.mask(it)!! } } }
        check(app().zip(plain()).all { (one, other) -> one.differing(other) == 0 })
        report("$count masks pasted into 640 x 480:", plain, app)
        report("$count masks pasted and coloured:", plain, { decode().let { maskArgb(it, it.all)!! } })
    }

    /** The usual size of torchvision's segmenters. */
    private fun masks(spec: InputSpec) {
        val shape = listOf(1, 21, 65, 65)
        val logits = SmoothLogits.of(shape)
        val decoder = SegmentationDecoder(spec, shape)
        val size = PixelSize(520, 520)
        val app = { (decoder.decode(mapOf("logits" to logits), size) as Answer.Segmented).mask }
        val plain = { plainMask(logits, shape, size) }
        check(app().differing(plain()) == 0)
        report("21 x 65 x 65 logits to a mask of 520 x 520:", plain, app)
    }

    /** Both in turns, so that what else the machine does meets both. */
    private fun report(what: String, before: () -> Any, after: () -> Any) {
        repeat(WARM) {
            before()
            after()
        }
        val baseline = ArrayList<Double>()
        val times = ArrayList<Double>()
        repeat(ROUNDS) {
            baseline += milliseconds(before)
            times += milliseconds(after)
        }
        val (old, new) = listOf(baseline, times).map { LatencyStatistics.of(it).p50 }
        println("%-44s %7.2f ms -> %6.2f ms  %4.1fx".format(Locale.ROOT, what, old, new, old / new))
    }

    private fun milliseconds(work: () -> Any): Double {
        val start = System.nanoTime()
        work()
        return (System.nanoTime() - start) / 1e6
    }
}
