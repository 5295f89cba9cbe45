package dev.fbdeploy.core

import java.io.File

/** What the kernel tells of the processor cores. */
object CpuInfo {
    /** Highest frequency of each core in kHz; cores the kernel hides are left out. */
    fun maxKilohertz(root: File = File("/sys/devices/system/cpu"), cores: Int): List<Int> =
        (0 until cores).mapNotNull { core ->
            val file = File(root, "cpu$core/cpufreq/cpuinfo_max_freq")
            if (file.canRead()) file.readText().trim().toIntOrNull() else null
        }
}
