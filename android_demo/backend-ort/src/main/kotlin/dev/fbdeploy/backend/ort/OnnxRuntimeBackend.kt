package dev.fbdeploy.backend.ort

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Classifier
import dev.fbdeploy.core.InputBuffer
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.ModelInput
import dev.fbdeploy.core.Outputs
import dev.fbdeploy.core.TensorType
import java.io.File

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
    private val buffer = InputBuffer(model.input)

    // The tensor reads the buffer in place: it is made once and refilled.
    private val tensor = OnnxTensor.createTensor(
        environment,
        buffer.bytes,
        model.input.shape.map(Int::toLong).toLongArray(),
        when (model.input.type) {
            TensorType.FLOAT32 -> OnnxJavaType.FLOAT
            TensorType.UINT8 -> OnnxJavaType.UINT8
        }
    )

    override fun run(input: ModelInput): Outputs {
        buffer.fill(input)
        session.run(mapOf(model.input.name to tensor)).use { result ->
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
