import DemoCore
import SwiftUI

/// Frames a second and what each stage takes.
struct TimesView: View {
    let model: DemoModel
    let source: Source

    var body: some View {
        if let times = model.times[source] {
            VStack(alignment: .leading, spacing: 2) {
                if source == .camera {
                    Text("\(times.framesPerSecond.map { number($0, 1) } ?? "–") frames/s, \(model.dropped) dropped")
                    Text("camera \(number(times.stages.camera, 2)) ms")
                }
                Text("prepare \(number(times.stages.prepare, 2)) ms")
                Text(
                    "infer \(number(times.inference.p50, 2)) ms, p90 \(number(times.inference.p90, 2)), "
                        + "p99 \(number(times.inference.p99, 2))")
                Text("decode \(number(times.stages.decode, 2)) ms")
            }
            .font(.footnote)
            .monospacedDigit()
            .accessibilityElement(children: .combine)
        }
    }
}

/// With a fixed number of digits behind the point.
func number(_ value: Double, _ digits: Int) -> String {
    value.formatted(.number.precision(.fractionLength(digits)))
}
