import DemoCore
import SwiftUI

/// What is said of one source's picture, at a height that does not depend on it.
struct AnswerView: View {
    let model: DemoModel
    let source: Source

    var body: some View {
        ZStack(alignment: .topLeading) {
            // Holds the place of an answer.
            RankingView(ranking: Self.placeholder) { _ in " " }
                .hidden()
            switch model.board[source] {
            case .nothing:
                Text(source == .camera ? "Point the camera at something." : "Pick a photo.")
                    .foregroundStyle(.secondary)
            case .loading:
                HStack {
                    ProgressView()
                    Text("Loading the model…")
                }
            case .failed(let reason):
                Label(reason, systemImage: "exclamationmark.triangle")
            case .answer(let result):
                switch result.answer {
                case .ranking(let ranking): RankingView(ranking: ranking, label: model.label)
                case .segmented(let segmented): LegendView(segmented: segmented, label: model.label)
                case .detected(let detected):
                    DetectionsView(found: detected.above(model.threshold), label: model.label)
                }
            }
        }
    }

    private static let placeholder = Answer.Ranking(
        best: (0..<5).map { Prediction(classIndex: $0, probability: 0) })
}

/// The best classes with a bar each.
struct RankingView: View {
    let ranking: Answer.Ranking
    let label: (Int) -> String

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(ranking.isSure ? ranking.best.first.map { label($0.classIndex) } ?? "" : "Nothing sure")
                .font(.headline)
                .lineLimit(1)
            ForEach(ranking.best) { prediction in
                PartRow(name: label(prediction.classIndex), part: prediction.probability)
            }
        }
    }
}

/// A class with a part of the whole, 0...1, and the colour that it has in a mask.
struct PartRow: View {
    let name: String
    let part: Double
    var colour: Color?

    var body: some View {
        VStack(alignment: .leading, spacing: 2) {
            HStack {
                if let colour {
                    colour
                        .frame(width: 14, height: 14)
                }
                Text(name)
                    .lineLimit(1)
                Spacer()
                Text(percent)
                    .monospacedDigit()
            }
            .font(.subheadline)
            ProgressView(value: min(max(part, 0), 1))
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(name)
        .accessibilityValue(percent)
    }

    private var percent: String { part.formatted(.percent.precision(.fractionLength(1))) }
}
