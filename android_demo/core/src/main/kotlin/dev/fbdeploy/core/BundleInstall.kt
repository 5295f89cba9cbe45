package dev.fbdeploy.core

import java.io.File
import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest

/** Brings a demo bundle from wherever it comes into a folder, whole or not at all. */
class BundleInstall(private val formats: Set<String>) {
    /**
     * Copies into [target] what [open] gives for a path of the bundle, such as model_config.json, and
     * checks it; models of formats this app has no backend for are left out. A bundle that was there
     * stays when something is wrong, which IOException or IllegalArgumentException says.
     */
    fun install(target: File, open: (path: String) -> InputStream): Bundle {
        val partial = File(target.path + ".partial")
        partial.deleteRecursively()
        try {
            partial.mkdirs()
            copy(CONFIG, partial, open)
            val config = ModelConfig.parse(File(partial, CONFIG).readText())
            val models = config.models.filter { it.format in formats }
            require(models.isNotEmpty()) {
                "the bundle has no model of ${formats.sorted().joinToString()}: deploy with --formats"
            }
            (models.map { it.file } + LABELS + GOLDEN).forEach { copy(it, partial, open) }
            models.forEach { check(File(partial, it.file), it) }
            Bundle(partial).golden()
            replace(partial, target)
        } finally {
            partial.deleteRecursively()
        }
        return Bundle(target)
    }

    private fun copy(path: String, folder: File, open: (String) -> InputStream) {
        val parts = path.split('/')
        require(parts.none { it.isEmpty() || it == "." || it == ".." }) { "the bundle names a file outside it: $path" }
        val file = File(folder, path)
        file.parentFile?.mkdirs()
        open(path).use { input -> file.outputStream().use { input.copyTo(it) } }
    }

    private fun check(file: File, model: ModelEntry) {
        val digest = MessageDigest.getInstance("SHA-256")
        file.inputStream().use { input ->
            val buffer = ByteArray(1 shl 16)
            while (true) {
                val count = input.read(buffer)
                if (count < 0) break
                digest.update(buffer, 0, count)
            }
        }
        val found = digest.digest().joinToString("") { "%02x".format(it) }
        require(found == model.sha256) { "${model.file} is not the file that model_config.json names: copy it again" }
    }

    private fun replace(partial: File, target: File) {
        val old = File(target.path + ".old")
        old.deleteRecursively()
        if (target.exists() && !target.renameTo(old)) throw IOException("$target cannot be replaced")
        if (!partial.renameTo(target)) {
            old.renameTo(target)
            throw IOException("$target cannot be written")
        }
        old.deleteRecursively()
    }

    private companion object {
        const val CONFIG = "model_config.json"
        const val LABELS = "labels.txt"
        const val GOLDEN = "golden.json"
    }
}
