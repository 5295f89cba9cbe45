import DemoCore
import PhotosUI
import SwiftUI

/// A picked photo and its answers. The picker runs outside the app: no photo permission is needed.
struct PhotoView: View {
    let model: DemoModel
    @State private var item: PhotosPickerItem?
    @State private var problem: String?

    var body: some View {
        PictureAndPanel {
            if let photo = model.photo {
                SeenPicture(
                    picture: photo, input: model.bundle.config.input, answer: model.answer(.photo), look: model.look)
            } else {
                ContentUnavailableView("No photo", systemImage: "photo", description: Text("Pick one below."))
            }
        } panel: {
            HStack {
                PhotosPicker("Pick a photo", selection: $item, matching: .images)
                Spacer()
                ShareAnswer(model: model, source: .photo)
            }
            if let problem {
                Label(problem, systemImage: "exclamationmark.triangle")
            }
            AnswerView(model: model, source: .photo)
            Sliders(model: model)
            TimesView(model: model, source: .photo)
            SwitchesView(model: model)
        }
        .onChange(of: item) { _, picked in
            Task { await read(picked) }
        }
    }

    private func read(_ picked: PhotosPickerItem?) async {
        guard let picked else { return }
        problem = nil
        model.show(photo: nil)
        let data = try? await picked.loadTransferable(type: Data.self)
        let photo = await Task.detached { data.flatMap(Pictures.read) }.value
        // Another one may have been picked meanwhile.
        guard picked == item else { return }
        if let photo {
            model.show(photo: photo)
        } else {
            problem = "This photo cannot be read."
        }
    }
}
