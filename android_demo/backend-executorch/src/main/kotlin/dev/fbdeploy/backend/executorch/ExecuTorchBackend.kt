package dev.fbdeploy.backend.executorch

import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Classifier
import dev.fbdeploy.core.InputBuffer
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.ModelInput
import dev.fbdeploy.core.Outputs
import dev.fbdeploy.core.TensorType
import java.io.File
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor

/** ExecuTorch with its XNNPACK delegate (Maven org.pytorch:executorch-android). */
class ExecuTorchBackend : Backend {
    override val name = "executorch"
    override val format = "executorch"

    override fun version(): String = VERSION

    /**
     * Loading sets the size of the one pool of threads of the process, which the delegate of a loaded
     * method keeps a pointer to: hence one model at a time.
     */
    override fun load(file: File, model: ModelEntry, threads: Int): Classifier {
        val module = Module.load(file.path, Module.LOAD_MODE_MMAP, threads)
        // Otherwise the first run would do it.
        module.loadMethod("forward")
        return ExecuTorchClassifier(module, model)
    }

    companion object {
        /** The library does not tell its version: keep this with build.gradle.kts. */
        const val VERSION = "1.5.1"
    }
}

private class ExecuTorchClassifier(private val module: Module, private val model: ModelEntry) : Classifier {
    private val shape = model.input.shape.map(Int::toLong).toLongArray()
    private val buffer = InputBuffer(model.input)

    override fun run(input: ModelInput): Outputs {
        buffer.fill(input)
        val tensor = when (model.input.type) {
            TensorType.FLOAT32 -> Tensor.fromBlob(buffer.bytes.asFloatBuffer(), shape)
            TensorType.UINT8 -> Tensor.fromBlobUnsigned(buffer.bytes, shape)
        }
        val made = module.forward(EValue.from(tensor))
        return model.outputs.indices.associate { model.outputs[it].name to made[it].toTensor().dataAsFloatArray }
    }

    override fun close() = module.destroy()
}
