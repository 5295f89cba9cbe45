import SwiftUI

/// A picture with a panel below it, or beside it where the screen is wider than high. Both keep their
/// state when the screen turns.
struct PictureAndPanel<Picture: View, Panel: View>: View {
    @ViewBuilder let picture: Picture
    @ViewBuilder let panel: Panel

    var body: some View {
        GeometryReader { proxy in
            let isWide = proxy.size.width > proxy.size.height
            let layout = isWide ? AnyLayout(HStackLayout(spacing: 0)) : AnyLayout(VStackLayout(spacing: 0))
            layout {
                picture
                    .frame(maxWidth: .infinity, maxHeight: .infinity)
                ScrollView {
                    VStack(alignment: .leading, spacing: 12) { panel }
                        .padding()
                }
                .frame(
                    maxWidth: isWide ? max(320, proxy.size.width * 0.4) : .infinity,
                    maxHeight: isWide ? .infinity : proxy.size.height * 0.5)
            }
        }
    }
}
