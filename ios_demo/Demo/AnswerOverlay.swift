import DemoCore
import SwiftUI

/// How an answer with places is drawn and told: masks as opaque as it says, detections above a score.
struct AnswerLook {
    let opacity: Double
    let threshold: Float
    let label: (Int) -> String
}

/// Draws what the network found over a picture that lies below, fitted; nothing of a ranking.
struct AnswerOverlay: View {
    let answer: Answer
    let frame: ShownFrame
    let input: InputSpec
    let look: AnswerLook

    var body: some View {
        switch answer {
        case .ranking: EmptyView()
        case .segmented(let segmented):
            MaskOverlay(mask: segmented.mask, frame: frame, input: input, opacity: look.opacity)
        case .detected(let detected): DetectionOverlay(detected: detected, frame: frame, look: look)
        }
    }
}
