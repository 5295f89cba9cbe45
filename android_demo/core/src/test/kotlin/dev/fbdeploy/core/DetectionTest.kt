package dev.fbdeploy.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Detections by hand: where they lie in the picture, their masks, and how far two answers are apart. */
class DetectionTest {
    private val spec = TestBundle.bundle.config.input.copy(
        height = 64,
        width = 64,
        cropPct = 1.0,
        cropMode = CropMode.LETTERBOX
    )
    private val picture = PixelSize(128, 32)
    private val thresholds = DetectionThresholds(0.3f, 0.5)

    private fun model(vararg shapes: Pair<String, List<Int>>) = TestBundle.bundle.config.models.first().copy(
        outputs = shapes.map { OutputSpec(it.first, it.first, it.second) }
    )

    private fun decoder(count: Int, side: Int) = DetectionDecoder(
        spec,
        thresholds,
        model(
            "boxes" to listOf(1, count, 4),
            "scores" to listOf(1, count),
            "labels" to listOf(1, count),
            "masks" to listOf(1, count, side, side)
        )
    )

    private fun found(score: Float, box: Box, label: Int = 0) = Detection(label, score, box, null)

    @Test
    fun detectionsLieInThePictureTheBestFirst() {
        // 128 x 32 pixels are 64 x 16 of the input, in its left upper corner.
        val outputs = mapOf(
            "boxes" to floatArrayOf(0f, 0f, 8f, 4f, 8f, 4f, 24f, 12f, 40f, 8f, 80f, 90f, 0f, 0f, 1f, 1f),
            "scores" to floatArrayOf(0.3f, 0.5f, 0.9f, 0f),
            "labels" to floatArrayOf(1f, 2f, 0f, 5f),
            "masks" to FloatArray(16) { (it % 2).toFloat() }
        )
        val answer = decoder(4, 2).decode(outputs, picture) as Answer.Detected
        assertEquals(listOf(0, 2, 1), answer.all.map { it.classIndex })
        val boxes = listOf(Box(80.0, 16.0, 128.0, 32.0), Box(16.0, 8.0, 48.0, 24.0), Box(0.0, 0.0, 16.0, 8.0))
        assertEquals(boxes, answer.all.map { it.box })
        assertEquals(2, answer.above(thresholds.score).size, "the threshold itself is not above it")
        val mask = answer.mask(answer.all[1])!!
        // A mask's two columns have their middles at a quarter of the box's 32 pixels and at three quarters:
        // half-way between, the probability is a half.
        for (row in 12..19) assertEquals((32..47).toList(), (0 until 128).filter { mask[it, row] })
        assertEquals(setOf(false), ((0..7) + (24..31)).flatMap { row -> List(128) { mask[it, row] } }.toSet())
    }

    @Test
    fun aBoxWithoutAreaHasNoPixel() {
        val flat = Detection(0, 1f, Box(3.0, 2.0, 3.0, 9.0), FloatArray(4) { 1f })
        assertEquals(0, flat.mask(picture, 0.5)!!.area)
        // A mask's only pixel is whole in its middle and falls off to a half at the box's sides.
        val single = Detection(0, 1f, Box(0.0, 0.0, 16.0, 1.0), FloatArray(1) { 1f })
        assertEquals((0..15).toList(), (0..127).filter { single.mask(picture, 0.5)!![it, 0] })
        assertEquals((4..11).toList(), (0..127).filter { single.mask(picture, 0.75)!![it, 0] })
    }

    @Test
    fun theBestsMaskLiesAbove() {
        fun square(label: Int, score: Float, left: Double) =
            Detection(label, score, Box(left, 0.0, left + 2, 1.0), FloatArray(9) { 1f })
        val found = listOf(square(1, 0.9f, 0.0), square(2, 0.8f, 1.0))
        val answer = Answer.Detected(found, PixelSize(4, 2), thresholds)
        val colours = maskArgb(answer, found)!!.toList()
        val (first, second) = listOf(1, 2).map(ClassColours::ofObject)
        assertEquals(listOf(first, first, second, 0) + List(4) { 0 }, colours)
        assertEquals(null, maskArgb(answer, listOf(found(0.9f, picture.box))))
    }

    @Test
    fun runsGoDownTheColumns() {
        val mask = ObjectMask.ofRuns(PixelSize(3, 2), intArrayOf(1, 2, 3))
        assertEquals(listOf(false, true, false, true, false, false), (0..5).map { mask[it % 3, it / 3] })
        assertEquals(1, mask.differing(ObjectMask(1, 0, 1, 1, booleanArrayOf(true))))
        assertFailsWith<IllegalArgumentException> { ObjectMask.ofRuns(PixelSize(3, 2), intArrayOf(1, 2)) }
    }

    @Test
    fun whatIsNoDetectorsIsRefused() {
        for (shapes in listOf(
            listOf("boxes" to listOf(1, 3, 4), "scores" to listOf(1, 4), "labels" to listOf(1, 4)),
            listOf("boxes" to listOf(1, 4, 4), "scores" to listOf(1, 4), "labels" to listOf(1, 3)),
            listOf("boxes" to listOf(1, 4, 4), "scores" to listOf(1, 4))
        )) {
            assertFailsWith<IllegalArgumentException> {
                DetectionDecoder(spec, thresholds, model(*shapes.toTypedArray()))
            }
        }
        val outputs = mapOf(
            "boxes" to FloatArray(4),
            "scores" to floatArrayOf(Float.NaN),
            "labels" to FloatArray(1),
            "masks" to FloatArray(1)
        )
        assertFailsWith<IllegalArgumentException> { decoder(1, 1).decode(outputs, picture) }
        assertFailsWith<IllegalArgumentException> { decoder(2, 1).decode(outputs, picture) }
    }

    @Test
    fun howFarTwoAnswersAreApart() {
        val first = listOf(found(0.9f, Box(0.0, 0.0, 10.0, 10.0)), found(0.5f, Box(20.0, 0.0, 30.0, 10.0)))
        assertEquals(0.0, DetectionPairs.apart(first, first.reversed()), 1e-9)
        assertEquals(1.0, DetectionPairs.apart(first, emptyList()))
        assertEquals(0.0, DetectionPairs.apart(emptyList(), emptyList()))
        // In the padding, where no picture is.
        val nowhere = found(0.9f, Box(5.0, 32.0, 9.0, 32.0))
        assertEquals(0.0, DetectionPairs.apart(first + nowhere, first))
        // The first covers 0.8 of its partner's union, the second is of another class.
        val second = listOf(found(0.6f, Box(0.0, 0.0, 8.0, 10.0)), found(0.5f, Box(20.0, 0.0, 30.0, 10.0), 1))
        assertEquals(1 - 2 * 0.6 * 0.8 / 2.5, DetectionPairs.apart(first, second), 1e-7)
        // Two boxes of one class over a third: that which it overlaps most is its partner.
        val near = listOf(found(0.9f, Box(0.0, 0.0, 7.0, 10.0)), found(0.8f, Box(0.0, 0.0, 9.0, 10.0)))
        assertEquals(listOf(DetectionPair(0, 1, 0.9)), DetectionPairs.of(first.take(1), near))
        val less = found(0.9f, Box(0.0, 0.0, 4.9, 10.0))
        assertEquals(emptyList(), DetectionPairs.of(first.take(1), listOf(less)), "less than a half")
    }

    @Test
    fun boxesLieOnTheFrameHoweverItIsShown() {
        val view = PixelSize(1080, 1520)
        for (rotation in listOf(0, 90, 180, 270)) {
            val classified = FrameGeometry(PixelSize(640, 480), rotation, mirrored = false)
            val shown = FrameGeometry(PixelSize(640, 480), (rotation + 90) % 360, mirrored = true)
            val thing = Box(101.0, 333.0, 140.0, 350.0)
            val overlay = classified.overlay(spec, view, shown)
            val drawn = overlay.picture(classified.sensorToUpright(thing))
            for ((wanted, corner) in shown.sensorToView(view)(thing).corners().zip(drawn.corners())) {
                assertEquals(wanted.x, corner.x, 1e-9)
                assertEquals(wanted.y, corner.y, 1e-9)
            }
        }
    }

    @Test
    fun coloursAreTheReports() {
        // fbdeploy/report/boxes.py.
        val report = mapOf(
            0 to 0xF22424,
            1 to 0x2460F2,
            2 to 0x9DF224,
            3 to 0xF224D9,
            4 to 0x24F2D0,
            5 to 0xF29424,
            9 to 0x24A5F2,
            90 to 0x245AF2
        )
        for ((index, rgb) in report) {
            assertEquals(rgb or (0xFF shl 24), ClassColours.ofObject(index), "class $index")
        }
        assertFalse(ClassColours.ofObject(0) == ClassColours.argb[0])
        assertTrue((0 until 90).map(ClassColours::ofObject).distinct().size == 90)
    }
}
