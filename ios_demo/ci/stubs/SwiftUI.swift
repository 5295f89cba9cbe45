@_exported import Foundation
@_exported import CoreGraphics
@_exported import Observation
import UIKit
import UniformTypeIdentifiers

@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

extension Never: View {
    public var body: Never { fatalError("stub") }
}

@MainActor @preconcurrency
public protocol App {
    associatedtype Content: Scene
    @SceneBuilder var body: Content { get }
    init()
}

extension App {
    public static func main() {}
}

@MainActor @preconcurrency
public protocol Scene {}

@resultBuilder
public enum SceneBuilder {
    public static func buildBlock<C: Scene>(_ content: C) -> C { content }
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct EmptyView: View {
    public init() {}
    public var body: Never { fatalError("stub") }
}

public struct TupleView<T>: View {
    public var body: Never { fatalError("stub") }
}

public struct ConditionalContent<A: View, B: View>: View {
    public var body: Never { fatalError("stub") }
}

extension Optional: View where Wrapped: View {
    public var body: Never { fatalError("stub") }
}

@resultBuilder
public enum ViewBuilder {
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildBlock<C: View>(_ content: C) -> C { content }
    public static func buildBlock<each C: View>(_ content: repeat each C) -> TupleView<(repeat each C)> {
        TupleView()
    }
    public static func buildIf<C: View>(_ content: C?) -> C? { content }
    public static func buildEither<A: View, B: View>(first: A) -> ConditionalContent<A, B> { ConditionalContent() }
    public static func buildEither<A: View, B: View>(second: B) -> ConditionalContent<A, B> { ConditionalContent() }
}

@propertyWrapper
public struct Environment<Value> {
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) {}
    public var wrappedValue: Value { fatalError("stub") }
}

public struct EnvironmentValues {
    public var scenePhase: ScenePhase { .active }
    public var openURL: OpenURLAction { OpenURLAction() }
}

public enum ScenePhase: Sendable { case background, inactive, active }

@MainActor
public struct OpenURLAction {
    public nonisolated init() {}
    public func callAsFunction(_ url: URL) {}
}

@propertyWrapper
public struct State<Value> {
    public init(wrappedValue: Value) {}
    public init(initialValue: Value) {}
    public var wrappedValue: Value {
        get { fatalError("stub") }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { Binding(wrappedValue) }
}

extension State where Value: ExpressibleByNilLiteral {
    public init() {}
}

@propertyWrapper @dynamicMemberLookup
public struct Binding<Value> {
    public init(_ value: Value) {}
    public var wrappedValue: Value {
        get { fatalError("stub") }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { self }
    public subscript<T>(dynamicMember path: WritableKeyPath<Value, T>) -> Binding<T> { fatalError("stub") }
}

@propertyWrapper @dynamicMemberLookup
public struct Bindable<Value> {
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Value
    public var projectedValue: Bindable<Value> { self }
    public subscript<T>(dynamicMember path: ReferenceWritableKeyPath<Value, T>) -> Binding<T> {
        fatalError("stub")
    }
}

public struct Text: View {
    public init<S: StringProtocol>(_ text: S) {}
    public func font(_ font: Font?) -> Text { self }
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> Text { self }
    public var body: Never { fatalError("stub") }
}

public struct Image: View, Transferable {
    public init(uiImage: UIImage) {}
    public func resizable() -> Image { self }
    public enum Interpolation: Sendable { case none, low, medium, high }
    public func interpolation(_ interpolation: Interpolation) -> Image { self }
    public var body: Never { fatalError("stub") }
}

public struct Label: View {
    public init(_ title: String, systemImage: String) {}
    public var body: Never { fatalError("stub") }
}

public struct ButtonRole: Equatable, Sendable {
    public static let cancel = ButtonRole()
    public static let destructive = ButtonRole()
}

public struct Button: View {
    public init(_ title: String, role: ButtonRole? = nil, action: @escaping @MainActor () -> Void) {}
    public init(_ title: String, systemImage: String, action: @escaping @MainActor () -> Void) {}
    public var body: Never { fatalError("stub") }
}

public struct Stepper: View {
    public init<V: Strideable>(_ title: String, value: Binding<V>, in bounds: ClosedRange<V>, step: V.Stride) {}
    public var body: Never { fatalError("stub") }
}

public struct Slider<Label: View>: View {
    public init<V: BinaryFloatingPoint>(
        value: Binding<V>, in bounds: ClosedRange<V> = 0...1, @ViewBuilder label: () -> Label
    ) where V.Stride: BinaryFloatingPoint {}
    public var body: Never { fatalError("stub") }
}

public protocol Transferable: Sendable {}
extension URL: Transferable {}
extension Data: Transferable {}

public struct SharePreview {
    public init<S: StringProtocol>(_ title: S, image: Image) {}
}

public struct ShareLink: View {
    public init(item: URL) {}
    public init<I: Transferable>(item: I, preview: SharePreview) {}
    public var body: Never { fatalError("stub") }
}

public struct Picker<Selection: Hashable, Content: View>: View {
    public init(_ title: String, selection: Binding<Selection>, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct ForEach<Content: View>: View {
    public init<D: RandomAccessCollection>(_ data: D, @ViewBuilder content: @escaping (D.Element) -> Content)
    where D.Element: Identifiable {}
    public init<D: RandomAccessCollection, ID: Hashable>(
        _ data: D, id: KeyPath<D.Element, ID>, @ViewBuilder content: @escaping (D.Element) -> Content
    ) {}
    public var body: Never { fatalError("stub") }
}
