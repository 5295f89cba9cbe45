package dev.fbdeploy.backend.litert

import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Classifier
import dev.fbdeploy.core.ModelEntry
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
    private val input = floats(model.input.shape)
    private val output = floats(model.output.shape)

    override fun run(tensor: FloatArray): Outputs {
        input.restart()
        input.asFloatBuffer().put(tensor)
        output.restart()
        interpreter.run(input, output)
        output.restart()
        val values = FloatArray(output.capacity() / Float.SIZE_BYTES)
        output.asFloatBuffer().get(values)
        return mapOf(model.output.name to values)
    }

    override fun close() = interpreter.close()

    private fun floats(shape: List<Int>): ByteBuffer =
        ByteBuffer.allocateDirect(Float.SIZE_BYTES * shape.fold(1, Int::times)).order(ByteOrder.nativeOrder())
}
