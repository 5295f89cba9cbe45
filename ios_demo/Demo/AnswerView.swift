import DemoCore
import SwiftUI

/// The top five and the latency.
struct AnswerView: View {
    let model: DemoModel

    var body: some View {
        VStack(alignment: .leading) {
            if let message = model.message {
                Text(message)
            }
            if let result = model.result {
                ForEach(result.top) { prediction in
                    Text("\(model.label(prediction))  \(format(100 * prediction.probability, 1)) %")
                }
                Text(times(result))
                    .font(.system(.footnote, design: .monospaced))
            }
        }
    }

    private func times(_ result: LiveResult) -> String {
        let inference = result.inference
        return """
            p50 \(format(inference.p50, 2))  p90 \(format(inference.p90, 2))  p99 \(format(inference.p99, 2)) ms
            prepared in \(format(result.preprocessMilliseconds, 2)) ms, \(model.dropped) frames dropped
            """
    }

    private func format(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
