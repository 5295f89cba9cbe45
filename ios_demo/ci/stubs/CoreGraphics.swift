@_exported import Foundation

public struct CGBitmapInfo {
    public let rawValue: UInt32
    public static let byteOrder32Little = CGBitmapInfo(rawValue: 0x2000)
}

public enum CGImageAlphaInfo: UInt32 {
    case noneSkipFirst = 6
}

public final class CGColorSpace {
    public static let sRGB = "sRGB"
    public init?(name: String) {}
}

public final class CGContext {
    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: UInt32
    ) {}
    public var data: UnsafeMutableRawPointer? { nil }
    public func translateBy(x: CGFloat, y: CGFloat) {}
    public func scaleBy(x: CGFloat, y: CGFloat) {}
}
