import CoreGraphics
import DemoCore
import Foundation
import UIKit

/// Photos to 8-bit pictures in sRGB, and back for the screen.
enum Pictures {
    /// Photos are drawn at most this long, in pixels: memory, not accuracy.
    private static let longestSide = 2048.0

    /// Decoded and turned upright. Nil if the data is no picture.
    static func read(_ data: Data) -> RGBImage? {
        guard let photo = UIImage(data: data), photo.size.width > 0, photo.size.height > 0 else { return nil }
        let scale = min(1, longestSide / max(photo.size.width, photo.size.height))
        let width = max(1, Int((photo.size.width * scale).rounded()))
        let height = max(1, Int((photo.size.height * scale).rounded()))
        guard let context = context(width: width, height: height), let bytes = context.data else { return nil }
        // UIImage draws itself upright, which CGImage does not; UIKit's origin is at the top.
        context.translateBy(x: 0, y: CGFloat(height))
        context.scaleBy(x: 1, y: -1)
        UIGraphicsPushContext(context)
        photo.draw(in: CGRect(x: 0, y: 0, width: width, height: height))
        UIGraphicsPopContext()
        let rows = UnsafeRawBufferPointer(start: bytes, count: 4 * width * height)
        return RGBImage(bgra: rows, width: width, height: height, bytesPerRow: 4 * width)
    }

    /// Rows of blue, green, red and alpha, or an unused byte.
    fileprivate static func context(
        width: Int, height: Int, alpha: CGImageAlphaInfo = .noneSkipFirst
    ) -> CGContext? {
        let layout = alpha.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
        guard let space = CGColorSpace(name: CGColorSpace.sRGB) else { return nil }
        return CGContext(
            data: nil, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width, space: space,
            bitmapInfo: layout)
    }
}

extension UIImage {
    convenience init?(rgb image: RGBImage) {
        self.init(image.bgra, Pictures.context(width: image.width, height: image.height))
    }

    /// In the colours of the classes; ground is clear.
    convenience init?(mask: Mask) {
        self.init(bgra: mask.bgra, width: mask.width, height: mask.height)
    }

    /// Of rows of opaque or clear pixels.
    convenience init?(bgra: [UInt8], width: Int, height: Int) {
        self.init(bgra, Pictures.context(width: width, height: height, alpha: .premultipliedFirst))
    }

    private convenience init?(_ bytes: [UInt8], _ context: CGContext?) {
        guard let context, let memory = context.data else { return nil }
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        guard let drawn = context.makeImage() else { return nil }
        self.init(cgImage: drawn)
    }
}
