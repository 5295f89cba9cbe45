package dev.fbdeploy.core

import java.io.File
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.Assume.assumeTrue

private typealias Turning = (FrameGeometry) -> Affine

/** The geometry against Python's goldens, and that an error on either side would be seen. */
class FrameGeometryTest {
    private class Case(val json: JsonObject) {
        val size = json.size("sensor")
        val geometry = FrameGeometry(size, json.int("rotation"), json.boolean("mirrored"))
        val spec = ModelConfig.inputSpec(json.obj("input"))
    }

    private val file = System.getProperty("fbdeploy.geometry")?.let(::File)
    private val document by lazy { JsonObject.parse(file!!.readText()) }
    private val tolerance by lazy { document.double("tolerance") }
    private val cases by lazy { document.objects("cases").map(::Case) }

    @Test
    fun everyMapIsPythons() {
        assumeTrue("Python writes the goldens: pytest tests/android_demo", file != null)
        assertEquals(emptyList(), failures { it.sensorToUpright })
        assertTrue(cases.size >= 100)
        println("goldens of geometry: ${cases.size} cases within $tolerance pixels")
    }

    @Test
    fun everyMapComesBack() {
        assumeTrue(file != null)
        for (case in cases) {
            val view = PixelSize(1080, 1520)
            for (map in listOf(
                case.geometry.sensorToInput(case.spec),
                case.geometry.sensorToView(view),
                case.geometry.inputToView(case.spec, view)
            )) {
                for (corner in case.size.box.corners()) {
                    val back = map.inverse()(map(corner))
                    assertTrue(abs(back.x - corner.x) < tolerance && abs(back.y - corner.y) < tolerance)
                }
            }
        }
    }

    @Test
    fun plantedTurnTheOtherWayIsCaught() = caught { geometry ->
        val other = if (geometry.rotation % 180 == 90) (geometry.rotation + 180) % 360 else geometry.rotation
        geometry.copy(rotation = other).sensorToUpright
    }

    @Test
    fun plantedForgottenMirrorIsCaught() = caught { it.copy(mirrored = false).sensorToUpright }

    @Test
    fun plantedMirrorBeforeTheTurnIsCaught() = caught { geometry ->
        val width = geometry.sensor.width.toDouble()
        val flip = if (geometry.mirrored) Affine(-1.0, 0.0, width, 0.0, 1.0, 0.0) else Affine.scale(1.0, 1.0)
        geometry.copy(mirrored = false).sensorToUpright.after(flip)
    }

    @Test
    fun plantedHalfPixelIsCaught() = caught { it.sensorToUpright.copy(c = it.sensorToUpright.c + 0.5) }

    private fun caught(turning: Turning) {
        assumeTrue(file != null)
        assertTrue(failures(turning).isNotEmpty(), "nobody saw the planted error")
    }

    private fun failures(turning: Turning): List<String> = cases.flatMap { case ->
        differences(case, turning).map { "$it of ${case.geometry} for ${case.spec}" }
    }

    private fun differences(case: Case, turning: Turning): List<String> {
        val geometry = case.geometry
        val turn = turning(geometry)
        val wrong = ArrayList<String>()

        fun compare(what: String, found: List<Double>, json: JsonObject, key: String) {
            val wanted = json.doubles(key)
            val same = wanted.size == found.size && wanted.indices.all { abs(wanted[it] - found[it]) <= tolerance }
            if (!same) wrong += "$what: $found, Python $wanted"
        }
        val fit = geometry.uprightToInput(case.spec)
        compare("sensor to upright", turn.numbers(), case.json, "sensor_to_upright")
        compare("upright to input", fit.numbers(), case.json, "upright_to_input")
        compare("seen", geometry.seen(case.spec).numbers(), case.json, "seen")
        compare("upright", geometry.upright.numbers(), case.json, "upright")
        for (point in case.json.objects("points")) {
            val sensor = point.point("sensor")
            compare("point upright", turn(sensor).numbers(), point, "upright")
            compare("point in the input", fit.after(turn)(sensor).numbers(), point, "input")
            compare("point back", turn.inverse().after(fit.inverse())(point.point("input")).numbers(), point, "sensor")
        }
        for (view in case.json.objects("views")) {
            val show = geometry.uprightToView(view.size("view"))
            val seen = show.after(turn)(geometry.seen(case.spec))
            compare("upright to view", show.numbers(), view, "upright_to_view")
            compare("seen in the view", seen.numbers(), view, "seen")
            for (point in view.objects("points")) {
                compare("point in the view", show.after(turn)(point.point("sensor")).numbers(), point, "view")
            }
        }
        return wrong
    }
}

private fun Affine.numbers() = listOf(a, b, c, d, e, f)

private fun Box.numbers() = listOf(left, top, right, bottom)

private fun Point.numbers() = listOf(x, y)

private fun PixelSize.numbers() = listOf(width.toDouble(), height.toDouble())

private fun JsonObject.size(key: String) = doubles(key).let { PixelSize(it[0].toInt(), it[1].toInt()) }

private fun JsonObject.point(key: String) = doubles(key).let { Point(it[0], it[1]) }
