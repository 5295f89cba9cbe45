import DemoCore
import Foundation

/// The demo bundle: a folder of the app, copied as it is by the project's folder reference.
enum BundleLocation {
    static func open() throws -> DemoBundle {
        guard let resources = Bundle.main.resourceURL else {
            throw BundleError("the app has no resources")
        }
        return try DemoBundle(folder: resources.appendingPathComponent("demo_bundle"))
    }
}
