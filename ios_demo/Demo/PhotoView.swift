import DemoCore
import PhotosUI
import SwiftUI
import UIKit

/// A picked photo and its answers. The picker runs outside the app: no photo permission is needed.
struct PhotoView: View {
    let model: DemoModel
    @State private var item: PhotosPickerItem?
    @State private var photo: UIImage?
    @State private var problem: String?

    var body: some View {
        VStack {
            if let photo {
                Image(uiImage: photo)
                    .resizable()
                    .scaledToFit()
            }
            if let problem {
                Text(problem)
            }
            AnswerView(model: model)
            SwitchesView(model: model)
            PhotosPicker("Pick a photo", selection: $item, matching: .images)
        }
        .padding()
        .onDisappear { model.photo = nil }
        .onChange(of: item) { _, picked in
            Task { await read(picked) }
        }
    }

    private func read(_ picked: PhotosPickerItem?) async {
        guard let picked else { return }
        guard
            let data = try? await picked.loadTransferable(type: Data.self),
            let decoded = PhotoReader.read(data)
        else {
            problem = "This photo cannot be read."
            return
        }
        problem = nil
        photo = decoded.photo
        model.photo = decoded.image
    }
}
