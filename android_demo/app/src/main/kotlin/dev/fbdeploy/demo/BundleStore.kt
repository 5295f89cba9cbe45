package dev.fbdeploy.demo

import android.content.Context
import android.content.res.AssetManager
import android.net.Uri
import dev.fbdeploy.core.Bundle
import dev.fbdeploy.core.BundleInstall
import java.io.File

/** The demo bundle as files: the runtimes open models by path, and assets have none. */
object BundleStore {
    private const val NAME = "demo_bundle"
    private const val IMPORTED = "imported_bundle"

    /** The imported bundle, or the one the app was built with; null if there is neither. */
    @Synchronized
    fun open(context: Context): Bundle? {
        val imported = imported(context)
        if (imported.exists()) return Bundle(imported)
        val assets = context.assets
        if ("model_config.json" !in assets.list(NAME).orEmpty()) return null
        val folder = File(context.filesDir, NAME)
        val stamp = File(context.filesDir, "$NAME.stamp")
        val installed = context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime.toString()
        if (!stamp.exists() || stamp.readText() != installed) {
            folder.deleteRecursively()
            copy(assets, NAME, folder)
            stamp.writeText(installed)
        }
        return Bundle(folder)
    }

    fun hasImported(context: Context): Boolean = imported(context).exists()

    /** Takes over the folder that the user chose; what is wrong with it is thrown, and nothing changed. */
    @Synchronized
    fun import(context: Context, folder: Uri): Bundle {
        val tree = DocumentTree(context.contentResolver, folder)
        return BundleInstall(Backends.formats).install(imported(context), tree::open)
    }

    @Synchronized
    fun removeImported(context: Context) {
        imported(context).deleteRecursively()
    }

    private fun imported(context: Context) = File(context.filesDir, IMPORTED)

    private fun copy(assets: AssetManager, name: String, target: File) {
        val children = assets.list(name).orEmpty()
        if (children.isEmpty()) {
            target.parentFile?.mkdirs()
            assets.open(name).use { input -> target.outputStream().use { input.copyTo(it) } }
        } else {
            children.forEach { copy(assets, "$name/$it", File(target, it)) }
        }
    }
}
