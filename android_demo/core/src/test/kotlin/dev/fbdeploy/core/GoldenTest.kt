package dev.fbdeploy.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Kotlin against Python on the goldens, and that an error on either side would be seen. */
class GoldenTest {
    private val bundle = TestBundle.bundle
    private val golden = bundle.golden()
    private val spec = bundle.config.input

    @Test
    fun samePixelsSameTensorSameTopFive() {
        for (bundle in TestBundle.all) {
            val report = GoldenCheck(bundle.golden()).run(TimmPreprocessor(bundle.config.input))
            assertEquals(emptyList(), report.failures, "${bundle.folder}")
            assertEquals(report.images, report.topEqual)
            println(
                "goldens of ${bundle.folder.name}: ${report.images} images, " +
                    "pixels within ${report.pixelMaxAbs}, tensor within ${report.tensorMaxAbs}"
            )
        }
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
        NetworkInput(RgbImage(spec.width, spec.height, shifted), right.tensor)
    }

    private fun caught(broken: Preprocessor) {
        assertTrue(GoldenCheck(golden).run(broken).failures.isNotEmpty(), "nobody saw the planted error")
    }
}
