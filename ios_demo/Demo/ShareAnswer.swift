import DemoCore
import SwiftUI
import UIKit

/// Shares a picture with what was said of it below.
struct ShareAnswer: View {
    let model: DemoModel
    let source: Source
    @State private var card: UIImage?

    var body: some View {
        // Unlike a group, it is there without a card, too, and draws one.
        ZStack {
            if let card {
                let image = Image(uiImage: card)
                ShareLink(item: image, preview: SharePreview(model.bundle.config.network, image: image))
            }
        }
        .task(id: key) { card = render() }
    }

    /// What the card shows, by which it is drawn again.
    private var key: [String] {
        guard let answer = model.board[source].result?.answer else { return [] }
        switch answer {
        case .ranking(let ranking):
            return [model.selection.model.id] + ranking.best.map { "\($0.classIndex) \($0.probability)" }
        case .segmented(let segmented):
            let shares = segmented.shares.map { "\($0.classIndex) \($0.pixels)" }
            return [model.selection.model.id, "\(model.opacity)"] + shares
        case .detected(let detected):
            let found = detected.above(model.threshold).map { "\($0.classIndex) \($0.score) \($0.box)" }
            return [model.selection.model.id, "\(model.opacity)"] + found
        }
    }

    private func render() -> UIImage? {
        guard let result = model.board[source].result else { return nil }
        let picture = result.picture
        let renderer = ImageRenderer(
            content: VStack(alignment: .leading, spacing: 12) {
                SeenPicture(
                    picture: picture, input: model.bundle.config.input, answer: model.answer(source),
                    look: model.look
                )
                .frame(width: Self.width, height: Self.width * Double(picture.height) / Double(picture.width))
                switch result.answer {
                case .ranking(let ranking): RankingView(ranking: ranking, label: model.label)
                case .segmented(let segmented): LegendView(segmented: segmented, label: model.label)
                case .detected(let detected):
                    DetectionsView(found: detected.above(model.threshold), label: model.label)
                }
                Text("\(model.bundle.config.network), \(model.selection.model.id)")
                    .font(.footnote)
            }
            .padding()
            .background(.background))
        renderer.scale = 2
        return renderer.uiImage
    }

    /// Of the picture, in points.
    private static let width = 400.0
}
