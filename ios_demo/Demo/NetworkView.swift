import DemoCore
import SwiftUI
import UniformTypeIdentifiers

/// What the network knows, and which bundle it comes from.
struct NetworkView: View {
    let model: DemoModel
    let store: BundleStore
    @State private var search = ""

    var body: some View {
        NavigationStack {
            List {
                Section("Bundle") {
                    Text(store.isImported ? "Imported from Files" : "Built into the app")
                    ImportButton(store: store)
                    if store.isImported {
                        Button("Use the app's own bundle", role: .destructive) { store.removeImported() }
                    }
                }
                Section("\(model.bundle.labels.count) classes") {
                    ForEach(found, id: \.offset) { entry in
                        Text(entry.element)
                    }
                }
            }
            .searchable(text: $search, prompt: "Search its classes")
            .navigationTitle(model.bundle.config.network)
        }
    }

    private var found: [(offset: Int, element: String)] {
        model.bundle.labels.enumerated().filter { search.isEmpty || $0.element.localizedStandardContains(search) }
    }
}

/// Picks a bundle's folder in Files.
struct ImportButton: View {
    let store: BundleStore
    @State private var isPicking = false

    var body: some View {
        VStack(alignment: .leading) {
            Button("Import a bundle…") { isPicking = true }
                .disabled(store.isImporting)
                .fileImporter(isPresented: $isPicking, allowedContentTypes: [.folder]) { picked in
                    Task { await store.install(picked) }
                }
            if store.isImporting {
                ProgressView()
            }
            if let problem = store.importProblem {
                Label(problem, systemImage: "exclamationmark.triangle")
            }
        }
    }
}
