package dev.fbdeploy.backend.ort

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Classifier
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.Outputs
import dev.fbdeploy.core.restart
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

/** ONNX Runtime's CPU provider. Plain JVM code: the same class runs on a phone and in CI. */
class OnnxRuntimeBackend : Backend {
    override val name = "onnxruntime"
    override val format = "onnx"

    override fun version(): String = environment().version

    override fun load(file: File, model: ModelEntry, threads: Int): Classifier {
        val environment = environment()
        OrtSession.SessionOptions().use { options ->
            options.setIntraOpNumThreads(threads)
            options.setInterOpNumThreads(1)
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT)
            // Emulators on x86 without VNNI would saturate sums of int8 products; no effect on ARM.
            options.addConfigEntry("session.x64quantprecision", "1")
            val session = environment.createSession(file.path, options)
            return OnnxRuntimeClassifier(environment, session, model)
        }
    }

    private fun environment(): OrtEnvironment = OrtEnvironment.getEnvironment().also { it.setTelemetry(false) }
}

private class OnnxRuntimeClassifier(
    environment: OrtEnvironment,
    private val session: OrtSession,
    private val model: ModelEntry
) : Classifier {
    private val buffer: FloatBuffer = ByteBuffer
        .allocateDirect(Float.SIZE_BYTES * model.input.elements)
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer()

    // The tensor reads the buffer in place: it is made once and refilled.
    private val tensor =
        OnnxTensor.createTensor(environment, buffer, model.input.shape.map(Int::toLong).toLongArray())

    override fun run(tensor: FloatArray): Outputs {
        buffer.restart()
        buffer.put(tensor)
        session.run(mapOf(model.input.name to this.tensor)).use { result ->
            return model.outputs.associate { output ->
                val tensor = result.get(output.stored).get() as OnnxTensor
                output.name to FloatArray(output.elements).also { tensor.floatBuffer.get(it) }
            }
        }
    }

    override fun close() {
        tensor.close()
        session.close()
    }
}
