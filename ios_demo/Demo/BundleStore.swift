import DemoCore
import Foundation
import Observation

/// The demo bundle in use: one that was picked in Files, else the app's own.
@Observable
@MainActor
final class BundleStore {
    private(set) var model: Result<DemoModel, BundleError>
    private(set) var importProblem: String?
    private(set) var isImporting = false

    /// Whether the bundle was picked in Files.
    private(set) var isImported = false

    init() {
        model = .failure(BundleError("not opened yet"))
        open()
    }

    /// Copies a folder that the user picked. The bundle in use stays if it is no good.
    func install(_ picked: Result<URL, any Error>) async {
        importProblem = nil
        isImporting = true
        defer { isImporting = false }
        do {
            let folder = try picked.get()
            let installer = try Self.installer()
            // Models are large: not on the main thread.
            try await Task.detached {
                let scoped = folder.startAccessingSecurityScopedResource()
                defer { if scoped { folder.stopAccessingSecurityScopedResource() } }
                try installer.install(from: folder)
            }.value
            open()
        } catch {
            importProblem = BundleError(error).description
        }
    }

    /// Back to the app's own bundle.
    func removeImported() {
        do {
            try Self.installer().remove()
            importProblem = nil
            open()
        } catch {
            importProblem = BundleError(error).description
        }
    }

    private static func installer() throws -> BundleInstaller {
        BundleInstaller(kept: try Folders.support().appendingPathComponent("demo_bundle"))
    }

    private func open() {
        do {
            let installer = try Self.installer()
            isImported = installer.isInstalled
            let own = Bundle.main.resourceURL?.appendingPathComponent("demo_bundle")
            guard let folder = installer.isInstalled ? installer.kept : own else {
                throw BundleError("the app has no resources")
            }
            let config = folder.appendingPathComponent("model_config.json")
            guard FileManager.default.fileExists(atPath: config.path) else {
                throw BundleError("The app was built without a bundle.")
            }
            model = .success(try DemoModel(bundle: DemoBundle(folder: folder)))
        } catch {
            model = .failure(BundleError(error))
        }
    }
}
