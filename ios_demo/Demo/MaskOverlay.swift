import DemoCore
import SwiftUI
import UIKit

/// Draws a mask over a picture that lies below, fitted.
struct MaskOverlay: View {
    let mask: Mask
    let frame: ShownFrame
    let input: InputSpec
    let opacity: Double

    var body: some View {
        Canvas { context, size in
            guard let image = UIImage(mask: mask) else { return }
            let view = Size(size.width, size.height)
            let box = frame.seen(input, in: view)
            context.clip(to: Path(CGRect(x: box.left, y: box.top, width: box.width, height: box.height)))
            context.opacity = opacity
            context.concatenate(CGAffineTransform(frame.inputToView(input, in: view)))
            // Not smoothed: colours between two classes' are those of others.
            context.draw(
                Image(uiImage: image).interpolation(.none),
                in: CGRect(x: 0, y: 0, width: mask.width, height: mask.height))
        }
        .allowsHitTesting(false)
        .accessibilityHidden(true)
    }
}

extension CGAffineTransform {
    init(_ map: Affine) {
        // Core Graphics counts by columns: x' = a x + c y + tx, y' = b x + d y + ty.
        self.init(a: map.row[0], b: map.row[3], c: map.row[1], d: map.row[4], tx: map.row[2], ty: map.row[5])
    }
}
