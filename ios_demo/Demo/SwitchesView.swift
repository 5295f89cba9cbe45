import DemoCore
import SwiftUI

/// Model (with its format and precision), and the processors it may use where they can be chosen.
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
            }
        }
    }
}
