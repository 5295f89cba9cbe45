package dev.fbdeploy.backend.litert

import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Classifier
import dev.fbdeploy.core.InputBuffer
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.ModelInput
import dev.fbdeploy.core.Outputs
import dev.fbdeploy.core.restart
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.TensorFlowLite

/** LiteRT's interpreter with its XNNPACK delegate (Maven com.google.ai.edge.litert:litert). */
class LiteRtBackend : Backend {
    override val name = "litert"
    override val format = "litert"

    override fun version(): String = TensorFlowLite.runtimeVersion()

    override fun load(file: File, model: ModelEntry, threads: Int): Classifier {
        val options = Interpreter.Options().setNumThreads(threads).setUseXNNPACK(true)
        val interpreter = Interpreter(file, options)
        // Otherwise the first run would do it.
        interpreter.allocateTensors()
        return LiteRtClassifier(interpreter, model)
    }
}

private class LiteRtClassifier(private val interpreter: Interpreter, private val model: ModelEntry) : Classifier {
    private val buffer = InputBuffer(model.input)
    private val outputs = model.outputs.map { floats(it.elements) }

    override fun run(input: ModelInput): Outputs {
        buffer.fill(input)
        outputs.forEach { it.restart() }
        val byPosition = outputs.withIndex().associate { (index, buffer) -> index to buffer }
        interpreter.runForMultipleInputsOutputs(arrayOf(buffer.bytes), byPosition)
        return model.outputs.indices.associate { model.outputs[it].name to values(outputs[it]) }
    }

    private fun values(buffer: ByteBuffer): FloatArray {
        buffer.restart()
        return FloatArray(buffer.capacity() / Float.SIZE_BYTES).also { buffer.asFloatBuffer().get(it) }
    }

    override fun close() = interpreter.close()

    private fun floats(count: Int): ByteBuffer =
        ByteBuffer.allocateDirect(Float.SIZE_BYTES * count).order(ByteOrder.nativeOrder())
}
