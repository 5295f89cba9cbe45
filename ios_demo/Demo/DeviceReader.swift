import DemoCore
import Foundation
import UIKit

/// What iOS tells of the phone.
@MainActor
enum DeviceReader {
    static func device() -> Device {
        Device(
            manufacturer: "Apple",
            model: machine(),
            osVersion: UIDevice.current.systemVersion,
            abi: "arm64",
            cores: ProcessInfo.processInfo.processorCount
        )
    }

    static func state() -> DeviceState {
        // Without it batteryLevel stays unknown.
        UIDevice.current.isBatteryMonitoringEnabled = true
        let (level, battery) = (UIDevice.current.batteryLevel, UIDevice.current.batteryState)
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
