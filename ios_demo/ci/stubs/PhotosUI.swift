import Foundation
import SwiftUI

public struct PHPickerFilter: Sendable {
    public static let images = PHPickerFilter()
}

public struct PhotosPickerItem: Equatable, Sendable {
    public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { nil }
}

public struct PhotosPicker: View {
    @MainActor
    public init(_ title: String, selection: Binding<PhotosPickerItem?>, matching: PHPickerFilter?) {}
    public var body: Never { fatalError("stub") }
}
