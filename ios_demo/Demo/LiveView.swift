import DemoCore
import SwiftUI
import UIKit

/// The camera, what the network sees of it, and what it says.
struct LiveView: View {
    let model: DemoModel
    @State private var camera: CameraModel
    @Environment(\.scenePhase) private var scenePhase

    init(model: DemoModel) {
        self.model = model
        _camera = State(
            initialValue: CameraModel(input: model.bundle.config.input) { model.submit($0, $1) })
    }

    var body: some View {
        PictureAndPanel {
            picture
        } panel: {
            AnswerView(model: model, source: .camera)
            Sliders(model: model)
            HStack {
                if model.frozen == nil {
                    Button("Freeze", systemImage: "pause.fill") { model.freeze() }
                        .disabled(model.board[.camera].result == nil)
                } else {
                    Button("Go on", systemImage: "play.fill") { model.unfreeze() }
                    ShareAnswer(model: model, source: .camera)
                }
                Button("Switch camera", systemImage: "arrow.triangle.2.circlepath.camera") {
                    Task { await camera.switchCamera() }
                }
                .disabled(model.frozen != nil)
            }
            TimesView(model: model, source: .camera)
            SwitchesView(model: model)
        }
        .task { await camera.start() }
        .onDisappear { stop() }
        .onChange(of: scenePhase) { _, phase in
            switch phase {
            // Permission may have been given in Settings.
            case .active: Task { await camera.start() }
            case .background: stop()
            default: break
            }
        }
    }

    @ViewBuilder private var picture: some View {
        if let frozen = model.frozen {
            SeenPicture(
                picture: frozen, input: model.bundle.config.input, answer: model.answer(.camera), look: model.look)
        } else {
            ZStack {
                CameraPreview(camera: camera)
                if camera.state == .running, let frame = camera.frame {
                    if let answer = model.answer(.camera) {
                        AnswerOverlay(
                            answer: answer, frame: frame.classified(model.answeredRotation),
                            input: model.bundle.config.input, look: model.look)
                    }
                    CropMark(frame: frame, input: model.bundle.config.input)
                }
                CameraNotice(camera: camera)
            }
            .background(.black)
        }
    }

    private func stop() {
        camera.stop()
        model.cameraStopped()
    }
}

/// Why there is no camera picture, and the way out.
private struct CameraNotice: View {
    let camera: CameraModel
    @Environment(\.openURL) private var openURL

    var body: some View {
        switch camera.state {
        case .off, .running:
            EmptyView()
        case .refused:
            ContentUnavailableView {
                Label("No permission to use the camera", systemImage: "lock")
            } description: {
                Text("Pictures are classified on this device and never leave it. Photos work without.")
            } actions: {
                Button("Open Settings") {
                    if let settings = URL(string: UIApplication.openSettingsURLString) { openURL(settings) }
                }
            }
            .background(.regularMaterial)
        case .interrupted(let reason):
            notice("Camera interrupted", reason)
        case .failed(let reason):
            notice("No camera", reason)
        }
    }

    private func notice(_ title: String, _ reason: String) -> some View {
        ContentUnavailableView {
            Label(title, systemImage: "video.slash")
        } description: {
            Text(reason)
        } actions: {
            Button("Try again") { Task { await camera.start() } }
        }
        .background(.regularMaterial)
    }
}
