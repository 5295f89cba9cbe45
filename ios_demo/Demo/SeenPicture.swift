import DemoCore
import SwiftUI
import UIKit

/// An upright picture, fitted, with what the network sees of it marked, and what was found, if the
/// answer has places.
struct SeenPicture: View {
    let picture: RGBImage
    let input: InputSpec
    let answer: Answer?
    let look: AnswerLook

    var body: some View {
        ZStack {
            if let image = UIImage(rgb: picture) {
                Image(uiImage: image)
                    .resizable()
                    .scaledToFit()
            }
            let frame = ShownFrame(width: picture.width, height: picture.height)
            if let answer {
                AnswerOverlay(answer: answer, frame: frame, input: input, look: look)
            }
            CropMark(frame: frame, input: input)
        }
        .background(.black)
        .accessibilityLabel("The picture that the answer is about")
    }
}
