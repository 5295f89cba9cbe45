import DemoCore
import SwiftUI
import UIKit

/// Boxes with their classes' names and scores, and their masks, in the classes' colours.
struct DetectionOverlay: View {
    let detected: Answer.Detected
    let frame: ShownFrame
    let look: AnswerLook

    var body: some View {
        let found = detected.above(look.threshold)
        Canvas { context, size in
            let map = frame.pictureToView(Size(size.width, size.height))
            drawMasks(found, context, map)
            // The best on top.
            for detection in found.reversed() {
                let box = map(detection.box)
                let colour = Color(ClassColour(object: detection.classIndex))
                let frame = CGRect(x: box.left, y: box.top, width: box.width, height: box.height)
                context.stroke(Path(frame), with: .color(colour), lineWidth: 2)
                write(detection, frame, colour, context, size)
            }
        }
        .allowsHitTesting(false)
        .accessibilityHidden(true)
    }

    private func drawMasks(_ found: [Detection], _ context: GraphicsContext, _ map: Affine) {
        let (width, height) = (detected.picture.width, detected.picture.height)
        guard
            let bgra = detected.maskBGRA(found),
            let image = UIImage(bgra: bgra, width: width, height: height)
        else { return }
        var below = context
        below.opacity = look.opacity
        below.concatenate(CGAffineTransform(map))
        // Not smoothed: colours between two classes' are those of others.
        below.draw(
            Image(uiImage: image).interpolation(.none), in: CGRect(x: 0, y: 0, width: width, height: height))
    }

    /// Above the box, or inside where there is no place above, and within the view.
    private func write(
        _ detection: Detection, _ box: CGRect, _ colour: Color, _ context: GraphicsContext, _ size: CGSize
    ) {
        let percent = Double(detection.score).formatted(.percent.precision(.fractionLength(0)))
        let name = Text("\(look.label(detection.classIndex)) \(percent)").font(.caption).foregroundStyle(.black)
        let text = context.resolve(name)
        let needed = text.measure(in: size)
        let left = min(max(0, box.minX), max(0, size.width - needed.width - 4))
        let top = box.minY >= needed.height ? box.minY - needed.height : box.minY
        let ground = CGRect(x: left, y: top, width: needed.width + 4, height: needed.height)
        context.fill(Path(ground), with: .color(colour))
        context.draw(text, in: CGRect(x: left + 2, y: top, width: needed.width, height: needed.height))
    }
}

extension Color {
    init(_ colour: ClassColour) {
        self.init(red: Double(colour.red) / 255, green: Double(colour.green) / 255, blue: Double(colour.blue) / 255)
    }
}
