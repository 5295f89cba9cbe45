import SwiftUI
import UIKit

@main
struct DemoApp: App {
    var body: some Scene {
        WindowGroup {
            RootView()
        }
    }
}

/// The app, or what is missing for it to run.
struct RootView: View {
    @State private var model = Result { try DemoModel(bundle: BundleLocation.open()) }

    var body: some View {
        switch model {
        case .success(let model):
            TabView {
                LiveView(model: model)
                    .tabItem { Label("Camera", systemImage: "camera") }
                PhotoView(model: model)
                    .tabItem { Label("Photo", systemImage: "photo") }
                BenchmarkView(model: model)
                    .tabItem { Label("Benchmark", systemImage: "stopwatch") }
            }
            // A phone that locks itself stops the camera and slows a benchmark down.
            .task { UIApplication.shared.isIdleTimerDisabled = true }
        case .failure(let error):
            VStack {
                Text("No demo bundle: run `fbdeploy bundle OUT --app ios_demo` and build again.")
                Text(String(describing: error))
            }
            .padding()
        }
    }
}
