package dev.fbdeploy.demo

import android.content.Context
import android.content.res.AssetManager
import dev.fbdeploy.core.Bundle
import java.io.File

/** The demo bundle as files: the runtimes open models by path, and assets have none. */
object BundleStore {
    private const val NAME = "demo_bundle"

    /** Unpacks the bundle once an installed version; null if the app was built without one. */
    @Synchronized
    fun open(context: Context): Bundle? {
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
