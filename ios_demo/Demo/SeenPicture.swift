import DemoCore
import SwiftUI
import UIKit

/// An upright picture, fitted, with what the network sees of it marked.
struct SeenPicture: View {
    let picture: RGBImage
    let input: InputSpec

    var body: some View {
        ZStack {
            if let image = UIImage(rgb: picture) {
                Image(uiImage: image)
                    .resizable()
                    .scaledToFit()
            }
            CropMark(frame: ShownFrame(width: picture.width, height: picture.height), input: input)
        }
        .background(.black)
        .accessibilityLabel("The classified picture")
    }
}
