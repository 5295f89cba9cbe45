import DemoCore
import SwiftUI
import UIKit

@main
struct DemoApp: App {
    @State private var store = BundleStore()

    var body: some Scene {
        WindowGroup {
            RootView(store: store)
        }
    }
}

/// The app, or what is missing for it to run: that is said before the camera is asked for.
struct RootView: View {
    let store: BundleStore

    var body: some View {
        switch store.model {
        case .success(let model):
            TabView {
                LiveView(model: model)
                    .tabItem { Label("Camera", systemImage: "camera") }
                PhotoView(model: model)
                    .tabItem { Label("Photo", systemImage: "photo") }
                BenchmarkView(model: model)
                    .tabItem { Label("Benchmark", systemImage: "stopwatch") }
                NetworkView(model: model, store: store)
                    .tabItem { Label("Network", systemImage: "list.bullet") }
            }
            // Another bundle starts with screens of its own.
            .id(ObjectIdentifier(model))
            // A phone that locks itself stops the camera and slows a benchmark down.
            .task { UIApplication.shared.isIdleTimerDisabled = true }
        case .failure(let error):
            ContentUnavailableView {
                Label("No demo bundle", systemImage: "shippingbox")
            } description: {
                Text(error.description)
                Text("Run `fbdeploy bundle OUT --app ios_demo` and build again, or pick a bundle in Files.")
            } actions: {
                ImportButton(store: store)
                if store.isImported {
                    Button("Use the app's own bundle") { store.removeImported() }
                }
            }
        }
    }
}
