package dev.fbdeploy.core

import java.io.File
import kotlin.test.Test
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
    fun anImageIsGivenAsTheModelTakesIt() {
        val bytes = byteArrayOf(10, 20, 30, 11, 21, -1)
        val image = NetworkInput(RgbImage(2, 1, bytes)) { floatArrayOf(1f, 2f, 3f, 4f, 5f, 6f) }

        fun given(shape: List<Int>, type: TensorType): List<Number> {
            val spec = TensorSpec("", shape, type)
            val buffer = InputBuffer(spec)
            // Twice, since it is refilled.
            repeat(2) { buffer.fill(spec.of(image)) }
            assertEquals(spec.type.bytes * spec.elements, buffer.bytes.remaining())
            return List(spec.elements) {
                if (type == TensorType.UINT8) buffer.bytes.get(it) else buffer.bytes.getFloat(Float.SIZE_BYTES * it)
            }
        }
        val (nchw, nhwc) = listOf(listOf(1, 3, 1, 2), listOf(1, 1, 2, 3))
        assertEquals(listOf<Number>(1f, 2f, 3f, 4f, 5f, 6f), given(nchw, TensorType.FLOAT32))
        assertEquals(listOf<Number>(1f, 3f, 5f, 2f, 4f, 6f), given(nhwc, TensorType.FLOAT32))
        assertEquals(listOf(10, 11, 20, 21, 30, -1).map { it.toByte() }, given(nchw, TensorType.UINT8))
        assertEquals(bytes.toList(), given(nhwc, TensorType.UINT8))
        assertFailsWith<IllegalStateException>("pixels need no normalization") {
            val dark = NetworkInput(RgbImage(2, 1, bytes)) { error("normalized") }
            TensorSpec("", nhwc, TensorType.UINT8).of(dark)
            TensorSpec("", nhwc, TensorType.FLOAT32).of(dark)
        }
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
    fun aModelThatTakesAPictureOfCoreMLsIsLeftOut() {
        val text = File(TestBundle.bundle.folder, "model_config.json").readText()
        val ids = ModelConfig.parse(text).models.map { it.id }
        assertTrue("\"coreml-int8-image\"" in text && "coreml-int8-image" !in ids, ids.toString())
        assertTrue(ids.containsAll(listOf("coreml-int8", "onnx-int8-uint8")), ids.toString())
    }

    @Test
    fun aModelThatGivesOtherThanFloatsIsLeftOut() {
        val text = File(TestBundle.bundle.folder, "model_config.json").readText()
        val outputs = Regex("(\"stored\"[^}]*)\"float32\"")
        assertTrue(ModelConfig.parse(text).models.isNotEmpty())
        assertTrue(ModelConfig.parse(text.replace(outputs, "$1\"uint8\"")).models.isEmpty())
    }

    @Test
    fun aBundleOfAnotherVersionIsRefused() {
        val text = File(TestBundle.bundle.folder, "model_config.json").readText()
        val newer = text.replace("\"schema_version\": 2", "\"schema_version\": 3")
        assertFailsWith<IllegalArgumentException> { ModelConfig.parse(newer) }
    }
}
