import DemoCore
import SwiftUI

/// Model (with its format and precision), and the processors it may use where they can be chosen.
struct SwitchesView: View {
    @Bindable var model: DemoModel

    var body: some View {
        VStack(alignment: .leading) {
            Picker("Model", selection: $model.selection.model) {
                ForEach(model.models) { entry in
                    Text(entry.id).tag(entry)
                }
            }
            if model.choosesComputeUnits {
                Picker("Processors", selection: $model.selection.units) {
                    ForEach(ComputeUnits.allCases, id: \.self) { units in
                        Text(units.rawValue).tag(units)
                    }
                }
            }
        }
    }
}
