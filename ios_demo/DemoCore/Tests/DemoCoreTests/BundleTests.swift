import Foundation
import XCTest

@testable import DemoCore

final class BundleTests: XCTestCase {
    private var folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    override func setUpWithError() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        try FileManager.default.removeItem(at: folder)
    }

    /// A bundle whose models are empty files, within `folder`.
    private func bundle(_ name: String, edit: (String) -> String = { $0 }) throws -> URL {
        let source = try TestBundle.open()
        let copy = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: copy.appendingPathComponent("models"), withIntermediateDirectories: true)
        for file in ["model_config.json", "golden.json", "labels.txt"] {
            let text = try String(contentsOf: source.folder.appendingPathComponent(file), encoding: .utf8)
            try edit(text).write(to: copy.appendingPathComponent(file), atomically: true, encoding: .utf8)
        }
        for model in source.config.models {
            try Data().write(to: copy.appendingPathComponent(model.file))
        }
        return copy
    }

    private func refused(_ source: URL, _ installer: BundleInstaller, saying words: String) {
        XCTAssertThrowsError(try installer.install(from: source)) { error in
            XCTAssertTrue("\(error)".contains(words), "\(error)")
        }
    }

    func testAnotherVersionIsRefused() throws {
        let newer = try bundle("newer") {
            $0.replacingOccurrences(of: "\"schema_version\": 2", with: "\"schema_version\": 3")
        }
        XCTAssertThrowsError(try DemoBundle(folder: newer)) { error in
            XCTAssertTrue("\(error)".contains("schema version 3"), "\(error)")
        }
    }

    func testAPickedBundleIsKeptAndCanBeRemoved() throws {
        let installer = BundleInstaller(kept: folder.appendingPathComponent("support/demo_bundle"))
        XCTAssertFalse(installer.isInstalled)
        try installer.install(from: try bundle("first"))
        let first = try DemoBundle(folder: installer.kept)
        XCTAssertEqual(first.config, try TestBundle.open().config)
        // The output folder that holds the bundle may be picked, too; it replaces the first one.
        _ = try bundle("out/demo_bundle") { $0.replacingOccurrences(of: first.labels[0], with: "renamed") }
        try installer.install(from: folder.appendingPathComponent("out"))
        XCTAssertEqual(try DemoBundle(folder: installer.kept).labels[0], "renamed")
        try installer.remove()
        XCTAssertFalse(installer.isInstalled)
    }

    func testABadBundleLeavesTheKeptOneAlone() throws {
        let installer = BundleInstaller(kept: folder.appendingPathComponent("kept"))
        try installer.install(from: try bundle("good"))
        refused(folder, installer, saying: "model_config.json")
        let torn = try bundle("torn")
        let model = try TestBundle.open().config.models[0]
        try FileManager.default.removeItem(at: torn.appendingPathComponent(model.file))
        refused(torn, installer, saying: model.file)
        let outside = try bundle("outside") { $0.replacingOccurrences(of: model.file, with: "../\(model.file)") }
        refused(outside, installer, saying: "outside")
        let noGoldens = try bundle("no-goldens")
        try FileManager.default.removeItem(at: noGoldens.appendingPathComponent("golden.json"))
        XCTAssertThrowsError(try installer.install(from: noGoldens))
        let newer = try bundle("newer") {
            $0.replacingOccurrences(of: "\"schema_version\": 2", with: "\"schema_version\": 3")
        }
        refused(newer, installer, saying: "schema version 3")
        let garbled = try bundle("garbled") { "x" + $0 }
        refused(garbled, installer, saying: "schema")
        XCTAssertEqual(try DemoBundle(folder: installer.kept).config, try TestBundle.open().config)
    }

    func testTheBuiltInPackagesAreToldFromXcodesFile() throws {
        let json = """
            {"originHash": "0", "version": 3, "pins": [
            {"identity": "executorch", "kind": "remoteSourceControl", "location": "x",
            "state": {"branch": "swiftpm-1.5.0", "revision": "56cc93a96d5fabcdef0123456789"}},
            {"identity": "tagged", "kind": "remoteSourceControl", "location": "x",
            "state": {"revision": "aa", "version": "2.0.1"}}]}
            """
        let resolved = try PackageResolved(json: Data(json.utf8))
        XCTAssertEqual(resolved.version(of: "executorch"), "swiftpm-1.5.0 (56cc93a96d5f)")
        XCTAssertEqual(resolved.version(of: "tagged"), "2.0.1 (aa)")
        XCTAssertNil(resolved.version(of: "other"))
    }
}
