package dev.fbdeploy.backend.ort

import dev.fbdeploy.core.BenchmarkRequest
import dev.fbdeploy.core.BenchmarkRunner
import dev.fbdeploy.core.Bundle
import dev.fbdeploy.core.Device
import dev.fbdeploy.core.DeviceState
import dev.fbdeploy.core.GoldenCheck
import dev.fbdeploy.core.ResultJson
import dev.fbdeploy.core.TestBundle
import dev.fbdeploy.core.TimmPreprocessor
import dev.fbdeploy.core.hasModels
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** The app's own onnxruntime code on the exported models, on a desktop JVM. */
class OnnxRuntimeTest {
    private val bundle = TestBundle.bundle
    private val models = onnx(bundle)

    private fun onnx(bundle: Bundle) = bundle.config.models.filter { it.format == "onnx" }

    @Test
    fun answersEqualPythonsOnAllGoldenImages() {
        assertTrue(models.map { it.precision }.containsAll(listOf("fp32", "int8")), "float and int8 are wanted")
        for (bundle in TestBundle.all.filter { it.hasModels }) {
            for (model in onnx(bundle)) {
                OnnxRuntimeBackend().load(bundle.file(model), model, threads = 1).use { classifier ->
                    val report = GoldenCheck(bundle).run(TimmPreprocessor(bundle.config.input), model, classifier)
                    println(
                        "${bundle.config.task} ${model.id} on onnxruntime ${OnnxRuntimeBackend().version()}: " +
                            "equal on ${report.topEqual}/${report.images} images, outputs within " +
                            "${report.logitMaxAbs}, masks within ${report.maskPixels} pixels, " +
                            "detections ${report.detectionsApart} apart"
                    )
                    assertEquals(emptyList(), report.failures)
                    assertEquals(report.images, report.topEqual)
                }
            }
        }
    }

    @Test
    fun theBenchmarkWritesAResultPythonAccepts() {
        val state = DeviceState(thermalStatus = null, batteryPercent = null, charging = null, powerSave = null)
        val device = Device("desktop", "JVM", System.getProperty("java.version"), "x86_64", 2, emptyList())
        val runs = models.map {
            val request = BenchmarkRequest(it.id, 5, seconds = 0f, warmup = 2, warmupSeconds = 0f, threads = 1)
            BenchmarkRunner(bundle).run(request, OnnxRuntimeBackend()) { state }
        }
        runs.forEach { assertEquals(5, it.latencies.size) }
        val text = ResultJson.write("android_demo", "2026-01-01T00:00:00Z", bundle.config.network, device, runs)
        // tests/android_demo validates the file with the schema.
        System.getProperty("fbdeploy.result")?.let { File(it).writeText(text) }
    }
}
