import DemoCore
import SwiftUI

/// Marks what the network sees of a picture that lies below, fitted: the rest is darkened.
struct CropMark: View {
    let frame: ShownFrame
    let input: InputSpec

    var body: some View {
        GeometryReader { proxy in
            let box = frame.seen(input, in: Size(proxy.size.width, proxy.size.height))
            let seen = CGRect(x: box.left, y: box.top, width: box.width, height: box.height)
            Path { path in
                path.addRect(CGRect(x: 0, y: 0, width: proxy.size.width, height: proxy.size.height))
                path.addRect(seen)
            }
            .fill(.black.opacity(0.45), style: FillStyle(eoFill: true))
            Path(seen)
                .stroke(.white, lineWidth: 2)
        }
        .allowsHitTesting(false)
        .accessibilityHidden(true)
    }
}
