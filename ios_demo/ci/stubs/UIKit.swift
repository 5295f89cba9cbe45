@_exported import CoreGraphics
@_exported import Foundation

@MainActor
public final class UIApplication {
    public static let shared = UIApplication()
    public nonisolated static let openSettingsURLString = "app-settings:"
    public var isIdleTimerDisabled = false
}

@MainActor
public final class UIDevice {
    public enum BatteryState: Int, Sendable {
        case unknown, unplugged, charging, full
    }
    public static let current = UIDevice()
    public var isBatteryMonitoringEnabled = false
    public var batteryLevel: Float { 0 }
    public var batteryState: BatteryState { .unknown }
    public var systemVersion: String { "" }
}

open class UIImage: @unchecked Sendable {
    public init?(data: Data) {}
    public init(cgImage: CGImage) {}
    public var size: CGSize { .zero }
    public func draw(in rect: CGRect) {}
}

public func UIGraphicsPushContext(_ context: CGContext) {}
public func UIGraphicsPopContext() {}

open class CALayer {
    public init() {}
}

@MainActor
open class UIView {
    public init() {}
    open class var layerClass: AnyClass { CALayer.self }
    public var layer: CALayer { CALayer() }
}

extension ProcessInfo {
    public enum ThermalState: Int, Sendable {
        case nominal, fair, serious, critical
    }
    public var thermalState: ThermalState { .nominal }
    public var isLowPowerModeEnabled: Bool { false }
}

// Of Foundation on Apple's systems.
extension URL {
    public func startAccessingSecurityScopedResource() -> Bool { false }
    public func stopAccessingSecurityScopedResource() {}
}
