package dev.fbdeploy.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Kotlin against Python on the goldens, and that an error on either side would be seen. */
class GoldenTest {
    private val bundle = TestBundle.bundle
    private val golden = bundle.golden()
    private val spec = bundle.config.input

    @Test
    fun samePixelsSameTensorSameAnswers() {
        for (bundle in TestBundle.all) {
            val report = GoldenCheck(bundle).run(TimmPreprocessor(bundle.config.input))
            assertEquals(emptyList(), report.failures, "${bundle.folder}")
            assertEquals(report.images, report.topEqual)
            println(
                "goldens of ${bundle.folder.name}: ${report.images} images, " +
                    "pixels within ${report.pixelMaxAbs}, tensor within ${report.tensorMaxAbs}, " +
                    "masks within ${report.maskPixels} pixels"
            )
        }
    }

    @Test
    fun outputsAreReadByNameInOrder() {
        val picture = golden.images.first()
        // 1.5 and -2, 0.25, little-endian.
        val outputs = """[{"model": "m", "answer": {"kind": "ranking", "top": [{"class": 1, "probability": 1}]},
            "values": [{"name": "scores", "float32": "AADAPwAAAMA="}, {"name": "mask", "float32": "AACAPg=="}]}]"""
        val text = """{"schema_version": 2, "network": "n", "tolerance": {"pixel": 0, "tensor": 0.0, "outputs": [
            {"precision": "int8", "output": "mask", "max_abs": 0.5}]}, "images": [{"name": "a", "width": 1,
            "height": 1, "label": null, "rgb": "AAAA", "input_rgb": "AAAA", "probes": [], "outputs": $outputs}]}"""
        val read = Golden.parse(text)
        val found = read.images.single().outputs.single()
        assertEquals(listOf("scores", "mask"), found.values.keys.toList())
        assertEquals(listOf(1.5f, -2f), found.values.getValue("scores").toList())
        assertEquals(listOf(0.25f), found.values.getValue("mask").toList())
        assertEquals(GoldenAnswer.Ranking(listOf(1)), found.answer)
        assertEquals(0.5, read.allowed("int8", "mask"))
        assertEquals(0.0, read.allowed("int8", "scores"))
        assertEquals(picture.outputs.first().values.keys, setOf("logits"))
        val unknown = text.replace("ranking", "riddle")
        assertFailsWith<IllegalArgumentException> { Golden.parse(unknown) }
    }

    @Test
    fun aPictureLargerThanTheInputAndNotSquareIsAmongThem() {
        assertTrue(
            golden.images.any {
                it.image.width > spec.width && it.image.height > spec.height && it.image.width != it.image.height
            }
        )
    }

    @Test
    fun plantedSwapOfRedAndBlueIsCaught() = caught { image ->
        val swapped = image.pixels.copyOf()
        for (index in swapped.indices step 3) {
            swapped[index] = image.pixels[index + 2]
            swapped[index + 2] = image.pixels[index]
        }
        TimmPreprocessor(spec).prepare(RgbImage(image.width, image.height, swapped))
    }

    @Test
    fun plantedResizeWithoutAntialiasingIsCaught() = caught { image ->
        TimmPreprocessor(spec.copy(interpolation = Interpolation.NEAREST)).prepare(image)
    }

    @Test
    fun plantedSquashInsteadOfCropIsCaught() = caught { image ->
        TimmPreprocessor(spec.copy(cropMode = CropMode.SQUASH)).prepare(image)
    }

    @Test
    fun plantedCropIsCaught() = caught { image ->
        TimmPreprocessor(spec.copy(cropPct = 0.97 * spec.cropPct)).prepare(image)
    }

    @Test
    fun plantedMeanIsCaught() = caught { image ->
        TimmPreprocessor(spec.copy(mean = spec.mean.map { it + 0.001f })).prepare(image)
    }

    @Test
    fun plantedShiftByOnePixelIsCaught() = caught { image ->
        val right = TimmPreprocessor(spec).prepare(image)
        val shifted = right.pixels.pixels.copyOf().also { it.copyInto(it, 3, 0, it.size - 3) }
        NetworkInput(RgbImage(spec.width, spec.height, shifted)) { right.tensor }
    }

    private fun caught(broken: Preprocessor) {
        assertTrue(GoldenCheck(bundle.config, golden).run(broken).failures.isNotEmpty(), "nobody saw the planted error")
    }
}
