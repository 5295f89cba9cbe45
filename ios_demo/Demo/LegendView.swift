import DemoCore
import SwiftUI

/// The classes of a mask with their colours and shares.
struct LegendView: View {
    let segmented: Answer.Segmented
    let label: (Int) -> String

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(headline)
                .font(.headline)
                .lineLimit(1)
            ForEach(segmented.shares) { share in
                PartRow(name: label(share.classIndex), part: share.share, colour: Self.colour(share.classIndex))
            }
        }
    }

    /// What is on the ground, or the ground alone.
    private var headline: String {
        let things = segmented.shares.filter { $0.classIndex > 0 }
        return (things.isEmpty ? segmented.shares : things).map { label($0.classIndex) }.joined(separator: ", ")
    }

    /// Clear for ground, whose pixels are shown as they are.
    private static func colour(_ classIndex: Int) -> Color {
        guard let colour = UInt8(exactly: classIndex).flatMap({ ClassColour($0) }) else { return .clear }
        return Color(colour)
    }
}
