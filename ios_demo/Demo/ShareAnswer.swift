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
        guard let result = model.board[source].result, case .ranking(let ranking) = result.answer else { return [] }
        return [model.selection.model.id] + ranking.best.map { "\($0.classIndex) \($0.probability)" }
    }

    private func render() -> UIImage? {
        guard
            let result = model.board[source].result, case .ranking(let ranking) = result.answer,
            let picture = UIImage(rgb: result.picture)
        else { return nil }
        let renderer = ImageRenderer(
            content: VStack(alignment: .leading, spacing: 12) {
                Image(uiImage: picture)
                    .resizable()
                    .scaledToFit()
                RankingView(ranking: ranking, label: model.label)
                Text("\(model.bundle.config.network), \(model.selection.model.id)")
                    .font(.footnote)
            }
            .padding()
            .frame(width: 400)
            .background(.background))
        renderer.scale = 2
        return renderer.uiImage
    }
}
