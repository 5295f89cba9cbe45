import DemoCore
import SwiftUI

/// Model (with its format and precision), and the processors or the threads it runs on.
struct SwitchesView: View {
    @Bindable var model: DemoModel

    var body: some View {
        HStack {
            Picker("Model", selection: $model.modelID) {
                ForEach(model.models) { entry in
                    Text(entry.id).tag(entry.id)
                }
            }
            if model.choosesComputeUnits {
                Picker("Processors", selection: $model.computeUnits) {
                    ForEach(ComputeUnits.allCases, id: \.self) { units in
                        Text(units.rawValue).tag(units)
                    }
                }
            } else {
                Picker("Threads", selection: $model.threads) {
                    ForEach([1, 2, 4, 6], id: \.self) { count in
                        Text("\(count)").tag(count)
                    }
                }
            }
        }
    }
}
