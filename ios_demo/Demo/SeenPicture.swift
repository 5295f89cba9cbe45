import DemoCore
import SwiftUI
import UIKit

/// An upright picture, fitted, with what the network sees of it marked, and its mask, if it has one.
struct SeenPicture: View {
    let picture: RGBImage
    let input: InputSpec
    let mask: Mask?
    let opacity: Double

    var body: some View {
        ZStack {
            if let image = UIImage(rgb: picture) {
                Image(uiImage: image)
                    .resizable()
                    .scaledToFit()
            }
            let frame = ShownFrame(width: picture.width, height: picture.height)
            if let mask {
                MaskOverlay(mask: mask, frame: frame, input: input, opacity: opacity)
            }
            CropMark(frame: frame, input: input)
        }
        .background(.black)
        .accessibilityLabel("The picture that the answer is about")
    }
}
