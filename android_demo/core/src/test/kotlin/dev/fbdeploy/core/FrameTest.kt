package dev.fbdeploy.core

import java.nio.ByteBuffer
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class FrameTest {
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
    fun framesAreTurnedAsTheirGeometrySays() {
        for ((width, height) in listOf(6 to 4, 7 to 5, 1 to 3, 64 to 48)) {
            val frame = noiseFrame(width, height, seed = width)
            val plain = frame.plainRgb()
            for (rotation in listOf(0, 90, 180, 270)) {
                val turned = plain.plainRotated(rotation)
                for ((mirrored, expected) in listOf(false to turned, true to turned.plainMirrored())) {
                    val found = frame.toRgb(FrameGeometry(PixelSize(width, height), rotation, mirrored))
                    assertEquals(expected.size, found.size)
                    assertContentEquals(expected.pixels, found.pixels, "$width x $height, $rotation, $mirrored")
                }
            }
        }
    }

    @Test
    fun rotationTurnsClockwise() {
        // a b c    d a
        // d e f -> e b  by 90 degrees
        //          f c
        val luma = Plane(ByteBuffer.wrap(byteArrayOf(0, 1, 2, 3, 4, 5)), 3, 1)
        val grey = Plane(ByteBuffer.wrap(byteArrayOf(-128, -128)), 2, 1)
        val turned = YuvImage(3, 2, luma, grey, grey).toRgb(FrameGeometry(PixelSize(3, 2), 90, false))
        assertEquals(PixelSize(2, 3), turned.size)
        assertEquals(listOf(3, 0, 4, 1, 5, 2), List(6) { turned.pixels[3 * it].toInt() })
    }

    @Test
    fun preparingAWindowEqualsPreparingAll() {
        val square = InputSpec(
            24,
            24,
            listOf(0.485f, 0.456f, 0.406f),
            listOf(0.229f, 0.224f, 0.225f),
            0.875,
            Interpolation.BILINEAR,
            CropMode.CENTER
        )
        val specs = Interpolation.values().flatMap { interpolation ->
            CropMode.values().flatMap { mode ->
                listOf(
                    square.copy(interpolation = interpolation, cropMode = mode),
                    square.copy(interpolation = interpolation, cropMode = mode, width = 40, cropPct = 1.0)
                )
            }
        }
        for (spec in specs) {
            val fast = TimmPreprocessor(spec)
            for ((width, height) in listOf(64 to 48, 48 to 64, 24 to 24, 9 to 31, 301 to 1, 64 to 48)) {
                val image = noiseFrame(width, height, seed = 3).toRgb()
                val wanted = PlainPreprocessor(spec).prepare(image)
                val found = fast.prepare(image)
                assertContentEquals(wanted.pixels.pixels, found.pixels.pixels, "$width x $height for $spec")
                assertContentEquals(wanted.tensor, found.tensor)
            }
        }
    }

    @Test
    fun argbBecomesRgb() {
        val image = RgbImage.fromArgb(1, 1, intArrayOf(0x7F102030))
        assertContentEquals(byteArrayOf(0x10, 0x20, 0x30), image.pixels)
        assertContentEquals(intArrayOf(0xFF102030.toInt()), image.toArgb())
    }

    @Test
    fun exifTurnsAreThoseOfTheStandard() {
        // Where the stored picture's left upper corner comes to lie: EXIF 2.32, table 6.
        val corners = mapOf(
            1 to Point(0.0, 0.0),
            2 to Point(3.0, 0.0),
            3 to Point(3.0, 2.0),
            4 to Point(0.0, 2.0),
            5 to Point(0.0, 0.0),
            6 to Point(2.0, 0.0),
            7 to Point(2.0, 3.0),
            8 to Point(0.0, 3.0)
        )
        for ((tag, corner) in corners) {
            val turn = Turn.ofExif(tag)
            val geometry = FrameGeometry(PixelSize(3, 2), turn.degrees, turn.mirrored)
            assertEquals(corner, geometry.sensorToUpright(Point(0.0, 0.0)), "orientation $tag")
        }
        assertEquals(Turn(0, false), Turn.ofExif(0))
    }

    @Test
    fun framesStandUprightHoweverTheDeviceIsHeld() {
        // A back camera whose sensor lies at 90 degrees, as in nearly all phones.
        assertEquals(listOf(90, 180, 270, 0), listOf(0, 90, 180, 270).map { Orientation.frameRotation(90, it, false) })
        // A front camera turns the other way.
        assertEquals(listOf(270, 180, 90, 0), listOf(0, 90, 180, 270).map { Orientation.frameRotation(270, it, true) })
        assertEquals(listOf(0, 270, 180, 90), listOf(0, 90, 180, 270).map(Orientation::deviceFromDisplay))
    }

    @Test
    fun aHeldOrientationDoesNotFlicker() {
        val held = HeldOrientation()
        val sides = listOf(-1, 44, 50, 59, 61, 45, 29, -1, 350, 300, 299, 180).map {
            held.update(it)
            held.degrees
        }
        assertEquals(listOf(0, 0, 0, 0, 90, 90, 0, 0, 0, 270, 270, 180), sides)
    }

    @Test
    fun previewsShowTheWorldThatIsClassified() {
        val sizes = listOf(4000 to 3000, 1920 to 1080, 1440 to 1080, 1280 to 720, 640 to 480, 320 to 240)
            .map { PixelSize(it.first, it.second) }
        val frames = CameraSizes.frames(sizes)
        assertEquals(PixelSize(640, 480), frames)
        assertEquals(PixelSize(1440, 1080), CameraSizes.preview(sizes, frames))
        assertEquals(frames, CameraSizes.preview(emptyList(), frames))
    }

    @Test
    fun theTextureIsMovedToWhereTheFrameBelongs() {
        // A phone upright, its sensor at 90 degrees: the view's content is only squeezed to its shape.
        val sensor = PixelSize(640, 480)
        val upright = FrameGeometry(sensor, 90, false)
        val view = PixelSize(1000, 1000)
        assertNear(Affine(0.75, 0.0, 125.0, 0.0, 1.0, 0.0), textureTransform(upright, upright, view))
        // On its side, the screen turned by 90: what lies at the content's right upper corner goes to
        // the left upper one of the picture, now 1000 x 750 and centred.
        val turned = textureTransform(upright, FrameGeometry(sensor, 0, false), view)
        assertNear(Point(0.0, 125.0), turned(Point(1000.0, 0.0)))
        assertNear(Point(1000.0, 125.0), turned(Point(1000.0, 1000.0)))
        assertNear(Point(0.0, 875.0), turned(Point(0.0, 0.0)))
    }

    private fun assertNear(wanted: Point, found: Point) =
        assertTrue(abs(wanted.x - found.x) < 1e-9 && abs(wanted.y - found.y) < 1e-9, "$found, not $wanted")

    private fun assertNear(wanted: Affine, found: Affine) {
        for (corner in PixelSize(1, 1).box.corners()) assertNear(wanted(corner), found(corner))
    }
}
