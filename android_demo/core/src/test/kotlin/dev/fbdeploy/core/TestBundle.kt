package dev.fbdeploy.core

import java.io.File

/** The bundle the tests read: -Dfbdeploy.bundle=FOLDER, or the one installed in the app. */
object TestBundle {
    val bundle: Bundle by lazy {
        val folder = File(System.getProperty("fbdeploy.bundle") ?: "../app/src/main/assets/demo_bundle")
        check(File(folder, "model_config.json").exists()) {
            "$folder holds no demo bundle: run `fbdeploy bundle OUT --app android_demo`"
        }
        Bundle(folder)
    }
}
