package dev.fbdeploy.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import org.junit.Assume.assumeTrue

/** Logits to masks by hand, and that an error in the decoder would be seen on Python's goldens. */
class MaskTest {
    private val square = TestBundle.bundle.config.input.copy(height = 4, width = 4, cropPct = 1.0)
    private val picture = PixelSize(4, 4)

    private fun decode(logits: FloatArray, shape: List<Int>, spec: InputSpec = square, size: PixelSize = picture) =
        SegmentationDecoder(spec, shape).decode(mapOf("logits" to logits), size) as Answer.Segmented

    private fun rows(mask: Mask) = List(mask.size.height) { row -> List(mask.size.width) { mask[it, row] } }

    @Test
    fun logitsAreResizedBetweenTheirMiddles() {
        // Along a row class 1 rises 0, 0.5, 1.5, 2 over class 0, which is 1 everywhere.
        val found = decode(floatArrayOf(1f, 1f, 0f, 2f), listOf(1, 2, 1, 2))
        assertEquals(List(4) { listOf(0, 0, 1, 1) }, rows(found.mask))
        // Down a column of eight, class 1 has 0.1875 at the fifth pixel and 0.5625 at the sixth.
        val tall = square.copy(height = 8, width = 1, cropMode = CropMode.SQUASH)
        val logits = floatArrayOf(0.2f, 0.2f, 0.2f, 0f, 0f, 1f)
        assertEquals(List(8) { listOf(if (it < 5) 0 else 1) }, rows(decode(logits, listOf(1, 2, 3, 1), tall).mask))
    }

    @Test
    fun equalLogitsGoToTheLowerClass() {
        val found = decode(floatArrayOf(0f, 3f, 3f), listOf(1, 3, 1, 1))
        assertEquals(listOf(ClassShare(1, 16, 1.0)), found.shares)
    }

    @Test
    fun paddingIsNoPartOfTheShares() {
        val spec = square.copy(cropMode = CropMode.BORDER)
        // A picture twice as wide as high covers the middle two rows; its right half is of class 1.
        val logits = floatArrayOf(1f, 0f, 0f, 1f)
        val found = decode(logits, listOf(1, 2, 1, 2), spec, PixelSize(8, 4))
        assertEquals(listOf(ClassShare(0, 4, 0.5), ClassShare(1, 4, 0.5)), found.shares)
        val upper = decode(logits, listOf(1, 2, 2, 1), spec.copy(cropMode = CropMode.LETTERBOX), PixelSize(8, 4))
        assertEquals(listOf(ClassShare(0, 8, 1.0)), upper.shares)
    }

    @Test
    fun whatIsNoSegmentersIsRefused() {
        for (shape in listOf(listOf(1, 10), listOf(2, 3, 4, 4), listOf(1, 1, 4, 4), listOf(1, 256, 4, 4))) {
            assertFailsWith<IllegalArgumentException> { SegmentationDecoder(square, shape) }
        }
        assertFailsWith<IllegalArgumentException> { decode(FloatArray(3), listOf(1, 2, 1, 2)) }
        for (runs in listOf(byteArrayOf(1, 16), byteArrayOf(1, 15, 0), byteArrayOf(1, 0, 1))) {
            assertFailsWith<IllegalArgumentException> { Mask.ofRuns(picture, runs) }
        }
        assertEquals(List(4) { List(4) { 7 } }, rows(Mask.ofRuns(picture, byteArrayOf(7, 9, 0, 7, 7, 0))))
    }

    @Test
    fun coloursArePascalVocs() {
        // Aeroplane, bicycle, bird, boat, bottle, person, and 255, which it has for borders.
        val published = mapOf(
            1 to 0x800000,
            2 to 0x008000,
            3 to 0x808000,
            4 to 0x000080,
            5 to 0x800080,
            15 to 0xC08080,
            255 to 0xE0E0C0
        )
        for ((index, rgb) in published) assertEquals(rgb, ClassColours.argb[index] and 0xFFFFFF, "class $index")
        val mask = Mask.ofRuns(PixelSize(2, 1), byteArrayOf(0, 1, 0, 1, 1, 0))
        assertEquals(listOf(0, 0xFF800000.toInt()), mask.toArgb(ClassColours.argb).toList())
    }

    @Test
    fun aMaskLiesOnTheFrameHoweverItIsShown() {
        val view = PixelSize(1080, 1520)
        for (rotation in listOf(0, 90, 180, 270)) {
            val classified = FrameGeometry(PixelSize(640, 480), rotation, mirrored = false)
            val shown = FrameGeometry(PixelSize(640, 480), (rotation + 90) % 360, mirrored = true)
            val sensor = Point(101.0, 333.0)
            val wanted = shown.sensorToView(view)(sensor)
            val drawn = classified.inputToView(square, view, shown)(classified.sensorToInput(square)(sensor))
            assertEquals(wanted.x, drawn.x, 1e-9)
            assertEquals(wanted.y, drawn.y, 1e-9)
        }
    }

    @Test
    fun plantedAlignedCornersAreCaught() = caught { from, size, count ->
        if (count == 1) 0f else from * (size - 1f) / (count - 1)
    }

    @Test
    fun plantedNearestLogitsAreCaught() = caught { from, size, count ->
        minOf(((from + 0.5f) * size / count).toInt(), size - 1).toFloat()
    }

    @Test
    fun plantedShiftByHalfALogitIsCaught() = caught { from, size, count ->
        minOf(from * size.toFloat() / count, size - 1f)
    }

    @Test
    fun plantedLastOfEqualsIsCaught() = caught(last = true) { from, size, count ->
        ((from + 0.5f) * size / count - 0.5f).coerceIn(0f, size - 1f)
    }

    @Test
    fun thePlainDecoderIsRight() {
        val failures = planted(last = false) { from, size, count ->
            ((from + 0.5f) * size / count - 0.5f).coerceIn(0f, size - 1f)
        }
        assertEquals(emptyList(), failures)
    }

    private fun caught(last: Boolean = false, place: (Int, Int, Int) -> Float) {
        assertTrue(planted(last, place).isNotEmpty(), "nobody saw the planted error")
    }

    /** What is wrong, pixel by pixel, with masks of logits at the [place] of each; some are equal. */
    private fun planted(last: Boolean, place: (Int, Int, Int) -> Float): List<String> {
        val bundle = TestBundle.all.firstOrNull { it.folder.name == "mask-center" }
        assumeTrue("Python writes the goldens: pytest tests/android_demo", bundle != null)
        val spec = bundle!!.config.input
        val check = GoldenCheck(bundle.config, bundle.golden(), { model ->
            Decoder { outputs, size ->
                val logits = outputs.getValue("logits")
                val classes = plainClasses(logits, model.output("logits").shape, spec, last, place)
                val mask = Mask(PixelSize(spec.width, spec.height), classes)
                Answer.Segmented(mask, mask.shares(Placement.of(size, spec).shown(spec)))
            }
        })
        return check.run(TimmPreprocessor(spec)).failures
    }

    private fun plainClasses(
        logits: FloatArray,
        shape: List<Int>,
        spec: InputSpec,
        last: Boolean,
        place: (Int, Int, Int) -> Float
    ): ByteArray {
        val (classes, height, width) = shape.drop(1)
        return ByteArray(spec.width * spec.height) { pixel ->
            val y = place(pixel / spec.width, height, spec.height)
            val x = place(pixel % spec.width, width, spec.width)

            fun at(index: Int, row: Int, column: Int) =
                logits[(index * height + minOf(row, height - 1)) * width + minOf(column, width - 1)]
            val values = List(classes) { index ->
                val (row, column) = y.toInt() to x.toInt()
                val upper = (1 - (x - column)) * at(index, row, column) + (x - column) * at(index, row, column + 1)
                val lower =
                    (1 - (x - column)) * at(index, row + 1, column) + (x - column) * at(index, row + 1, column + 1)
                (1 - (y - row)) * upper + (y - row) * lower
            }
            val top: Float = values.max()
            // Compared as numbers, of which 0 and -0 are equal ones.
            val likeliest = values.indices.filter { values[it] >= top }
            (if (last) likeliest.last() else likeliest.first()).toByte()
        }
    }
}
