import DemoCore
import SwiftUI

/// How opaque masks are drawn, and the score above which detections are shown.
struct Sliders: View {
    @Bindable var model: DemoModel

    var body: some View {
        if model.hasMasks {
            Slider(value: $model.opacity, in: 0...1) {
                Text("Opacity of masks")
            }
        }
        if model.isDetector {
            HStack {
                Text("above \(Double(model.threshold).formatted(.number.precision(.fractionLength(2))))")
                    .font(.footnote)
                    .monospacedDigit()
                    .accessibilityHidden(true)
                Slider(value: $model.threshold, in: 0...1) {
                    Text("Least score of what is shown")
                }
            }
        }
    }
}
