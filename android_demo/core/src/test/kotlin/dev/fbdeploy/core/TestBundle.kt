package dev.fbdeploy.core

import java.io.File

/** The bundles the tests read: -Dfbdeploy.bundle=FOLDER:FOLDER..., or the one installed in the app. */
object TestBundle {
    val all: List<Bundle> by lazy {
        val given = System.getProperty("fbdeploy.bundle") ?: "../app/src/main/assets/demo_bundle"
        given.split(File.pathSeparator).map { folder ->
            check(File(folder, "model_config.json").exists()) {
                "$folder holds no demo bundle: run `fbdeploy bundle OUT --app android_demo`"
            }
            Bundle(File(folder))
        }
    }

    /** The first one, with models; most others only pin other ways of pre-processing or of decoding. */
    val bundle: Bundle get() = all.first()
}

/** Whether the models that the configuration names are there. */
val Bundle.hasModels: Boolean get() = config.models.any { file(it).exists() }
