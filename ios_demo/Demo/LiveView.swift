import DemoCore
import SwiftUI

/// The camera with the answers over it.
struct LiveView: View {
    let model: DemoModel
    @State private var camera: CameraSource
    @State private var available = true

    init(model: DemoModel) {
        self.model = model
        _camera = State(initialValue: CameraSource { model.submit($0) })
    }

    var body: some View {
        ZStack(alignment: .bottom) {
            CameraPreview(session: camera.session)
                .ignoresSafeArea()
            VStack(alignment: .leading) {
                if !available {
                    Text("No camera, or no permission to use it: pick a photo.")
                }
                AnswerView(model: model)
                SwitchesView(model: model)
            }
            .padding()
            .background(.ultraThinMaterial)
        }
        .task { available = await camera.start() }
        .onDisappear { camera.stop() }
    }
}
