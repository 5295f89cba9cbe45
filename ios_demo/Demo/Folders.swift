import Foundation

/// The app's own folders, made where they are missing.
enum Folders {
    /// Seen in Files, and fetched by `devicectl`.
    static func documents() throws -> URL { try folder(.documentDirectory) }

    static func support() throws -> URL { try folder(.applicationSupportDirectory) }

    /// The system may empty it.
    static func caches() throws -> URL { try folder(.cachesDirectory) }

    private static func folder(_ directory: FileManager.SearchPathDirectory) throws -> URL {
        try FileManager.default.url(for: directory, in: .userDomainMask, appropriateFor: nil, create: true)
    }
}
