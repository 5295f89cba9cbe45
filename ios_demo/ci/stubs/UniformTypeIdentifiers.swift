import Foundation

public struct UTType: Sendable, Hashable {
    public static let folder = UTType()
}
