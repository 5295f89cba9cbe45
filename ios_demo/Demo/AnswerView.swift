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
    let label: (Prediction) -> String

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(ranking.isSure ? ranking.best.first.map(label) ?? "" : "Nothing sure")
                .font(.headline)
                .lineLimit(1)
            ForEach(ranking.best) { prediction in
                PredictionRow(name: label(prediction), probability: prediction.probability)
            }
        }
    }
}

private struct PredictionRow: View {
    let name: String
    let probability: Double

    var body: some View {
        VStack(alignment: .leading, spacing: 2) {
            HStack {
                Text(name)
                    .lineLimit(1)
                Spacer()
                Text(percent)
                    .monospacedDigit()
            }
            .font(.subheadline)
            ProgressView(value: min(max(probability, 0), 1))
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(name)
        .accessibilityValue(percent)
    }

    private var percent: String { probability.formatted(.percent.precision(.fractionLength(1))) }
}
