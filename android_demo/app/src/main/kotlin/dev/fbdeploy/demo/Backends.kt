package dev.fbdeploy.demo

import dev.fbdeploy.backend.executorch.ExecuTorchBackend
import dev.fbdeploy.backend.litert.LiteRtBackend
import dev.fbdeploy.backend.ort.OnnxRuntimeBackend
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.ModelConfig
import dev.fbdeploy.core.ModelEntry

/** Every inference library of the app; a new one is one module and one line. */
object Backends {
    val all: List<Backend> = listOf(OnnxRuntimeBackend(), ExecuTorchBackend(), LiteRtBackend())

    val formats: Set<String> = all.map { it.format }.toSet()

    /** Those the bundle has a model for. */
    fun usable(config: ModelConfig): List<Backend> =
        all.filter { backend -> config.models.any { it.format == backend.format } }

    /** The models this app can run, in the bundle's order. */
    fun models(config: ModelConfig): List<ModelEntry> = config.models.filter { it.format in formats }

    fun forFormat(format: String): Backend = all.firstOrNull { it.format == format }
        ?: throw IllegalArgumentException("no backend for $format models")
}
