import Foundation

/// Keeps a bundle that the user picked, in place of the one the app was built with.
public struct BundleInstaller: Sendable {
    /// The kept bundle, there or not.
    public let kept: URL

    public init(kept: URL) {
        self.kept = kept
    }

    public var isInstalled: Bool {
        FileManager.default.fileExists(atPath: kept.path)
    }

    /// Checks and copies `folder`, which is the bundle or holds it as `demo_bundle`; the kept bundle
    /// stays unless all of it could be copied. Throws what is wrong, in words for the screen.
    public func install(from folder: URL) throws {
        let inner = folder.appendingPathComponent("demo_bundle")
        let source = FileManager.default.fileExists(atPath: inner.path) ? inner : folder
        try Self.check(source)
        let files = FileManager.default
        try files.createDirectory(at: kept.deletingLastPathComponent(), withIntermediateDirectories: true)
        let fresh = kept.appendingPathExtension("new")
        try? files.removeItem(at: fresh)
        do {
            try files.copyItem(at: source, to: fresh)
            if isInstalled { try files.removeItem(at: kept) }
            try files.moveItem(at: fresh, to: kept)
        } catch {
            try? files.removeItem(at: fresh)
            throw BundleError("the bundle could not be copied: \(BundleError(error))")
        }
    }

    public func remove() throws {
        if isInstalled { try FileManager.default.removeItem(at: kept) }
    }

    private static func check(_ folder: URL) throws {
        let config = folder.appendingPathComponent("model_config.json")
        guard FileManager.default.fileExists(atPath: config.path) else {
            throw BundleError(
                "\(folder.lastPathComponent) is no demo bundle: it has no model_config.json. "
                    + "Pick the folder demo_bundle that `fbdeploy bundle OUT` wrote.")
        }
        let bundle: DemoBundle
        do {
            bundle = try DemoBundle(folder: folder)
            _ = try bundle.golden()
        } catch {
            throw BundleError(error)
        }
        for model in bundle.config.models {
            let file = bundle.url(of: model).standardizedFileURL
            guard file.path.hasPrefix(folder.standardizedFileURL.path + "/") else {
                throw BundleError("\(model.file) lies outside the bundle: write it again with `fbdeploy bundle`")
            }
            guard FileManager.default.fileExists(atPath: file.path) else {
                throw BundleError("the bundle lacks \(model.file): copy the whole folder to the phone")
            }
        }
    }
}
