import DemoCore
import Foundation
import UIKit

/// What iOS tells of the phone.
enum DeviceReader {
    @MainActor
    static func device() -> Device {
        // Without it batteryLevel stays unknown.
        UIDevice.current.isBatteryMonitoringEnabled = true
        return Device(
            manufacturer: "Apple",
            model: machine(),
            osVersion: UIDevice.current.systemVersion,
            abi: "arm64",
            cores: ProcessInfo.processInfo.processorCount
        )
    }

    /// Called on the inference queue, between runs.
    static func state() -> DeviceState {
        let (level, battery) = DispatchQueue.main.sync {
            MainActor.assumeIsolated {
                (UIDevice.current.batteryLevel, UIDevice.current.batteryState)
            }
        }
        return DeviceState(
            thermalStatus: ProcessInfo.processInfo.thermalState.rawValue,
            batteryPercent: level >= 0 ? Int((100 * level).rounded()) : nil,
            charging: battery == .unknown ? nil : battery != .unplugged,
            powerSave: ProcessInfo.processInfo.isLowPowerModeEnabled
        )
    }

    /// Such as iPhone16,1.
    private static func machine() -> String {
        var info = utsname()
        uname(&info)
        return withUnsafeBytes(of: &info.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
