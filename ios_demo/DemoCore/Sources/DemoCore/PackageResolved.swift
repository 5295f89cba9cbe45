import Foundation

/// Xcode's Package.resolved: which revision of each Swift package an app was built with.
public struct PackageResolved: Decodable, Sendable {
    private struct State: Decodable {
        let branch: String?
        let version: String?
        let revision: String?
    }

    private struct Pin: Decodable {
        let identity: String
        let state: State
    }

    private let pins: [Pin]

    public init(json: Data) throws {
        self = try JSONDecoder().decode(Self.self, from: json)
    }

    /// Such as `swiftpm-1.5.0 (56cc93a96d5f)`: the branch or version and the revision; nil if the app
    /// has no such package.
    public func version(of identity: String) -> String? {
        guard let state = pins.first(where: { $0.identity == identity })?.state else { return nil }
        let revision = state.revision.map { String($0.prefix(12)) }
        guard let name = state.version ?? state.branch else { return revision }
        return revision.map { "\(name) (\($0))" } ?? name
    }
}
