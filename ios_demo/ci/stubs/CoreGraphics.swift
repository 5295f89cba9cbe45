@_exported import Foundation

public struct CGAffineTransform: Sendable {
    public init(a: CGFloat, b: CGFloat, c: CGFloat, d: CGFloat, tx: CGFloat, ty: CGFloat) {}
}

public struct CGBitmapInfo: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let byteOrder32Little = CGBitmapInfo(rawValue: 0x2000)
}

public enum CGImageAlphaInfo: UInt32, Sendable {
    case premultipliedFirst = 2
    case noneSkipFirst = 6
}

public final class CGColorSpace: Sendable {
    public static let sRGB = "sRGB"
    public init?(name: String) {}
}

public final class CGImage: Sendable {}

public final class CGContext {
    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: UInt32
    ) {}
    public var data: UnsafeMutableRawPointer? { nil }
    public func translateBy(x: CGFloat, y: CGFloat) {}
    public func scaleBy(x: CGFloat, y: CGFloat) {}
    public func makeImage() -> CGImage? { nil }
}
