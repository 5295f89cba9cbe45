package dev.fbdeploy.demo

import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import dev.fbdeploy.core.CpuInfo
import dev.fbdeploy.core.Device
import dev.fbdeploy.core.DeviceState

/** What Android tells of the phone. */
class DeviceReader(private val context: Context) {
    fun device(): Device {
        val cores = Runtime.getRuntime().availableProcessors()
        return Device(
            manufacturer = Build.MANUFACTURER,
            model = Build.MODEL,
            osVersion = "${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
            abi = Build.SUPPORTED_ABIS.first(),
            cores = cores,
            coreMaxKilohertz = CpuInfo.maxKilohertz(cores = cores)
        )
    }

    fun state(): DeviceState {
        val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
        val battery = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        val level = battery?.getIntExtra(BatteryManager.EXTRA_LEVEL, -1) ?: -1
        val scale = battery?.getIntExtra(BatteryManager.EXTRA_SCALE, -1) ?: -1
        return DeviceState(
            thermalStatus = if (Build.VERSION.SDK_INT >= 29) power.currentThermalStatus else null,
            batteryPercent = if (level >= 0 && scale > 0) 100 * level / scale else null,
            charging = battery?.let { it.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0 },
            powerSave = power.isPowerSaveMode
        )
    }
}
