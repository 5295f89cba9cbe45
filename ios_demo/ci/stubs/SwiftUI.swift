@_exported import Foundation
@_exported import Observation
import UIKit

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
    public var body: Never { fatalError("stub") }
}

public struct Image: View {
    public init(uiImage: UIImage) {}
    public func resizable() -> Image { self }
    public var body: Never { fatalError("stub") }
}

public struct Label: View {
    public init(_ title: String, systemImage: String) {}
    public var body: Never { fatalError("stub") }
}

public struct Button: View {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
    public var body: Never { fatalError("stub") }
}

public struct Stepper: View {
    public init<V: Strideable>(_ title: String, value: Binding<V>, in bounds: ClosedRange<V>, step: V.Stride) {}
    public var body: Never { fatalError("stub") }
}

public struct ShareLink: View {
    public init(item: URL) {}
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

public enum HorizontalAlignment { case leading, center }

public struct Alignment: Sendable {
    public static let bottom = Alignment()
}

public struct VStack<Content: View>: View {
    public init(alignment: HorizontalAlignment = .center, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct HStack<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct ZStack<Content: View>: View {
    public init(alignment: Alignment, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct TabView<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct Material: Sendable {
    public static let ultraThinMaterial = Material()
}

public struct Font: Sendable {
    public enum TextStyle { case footnote }
    public enum Design { case monospaced }
    public static func system(_ style: TextStyle, design: Design) -> Font { Font() }
}

extension View {
    public func padding() -> some View { self }
    public func ignoresSafeArea() -> some View { self }
    public func scaledToFit() -> some View { self }
    public func disabled(_ disabled: Bool) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func background(_ material: Material) -> some View { self }
    public func tag<V: Hashable>(_ tag: V) -> some View { self }
    public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { self }
    public func onDisappear(perform action: (() -> Void)?) -> some View { self }
    public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
    public func onChange<V: Equatable>(of value: V, _ action: @escaping (V, V) -> Void) -> some View { self }
}

@MainActor @preconcurrency
public protocol UIViewRepresentable: View where Body == Never {
    associatedtype ViewType: UIView
    typealias Context = RepresentableContext
    func makeUIView(context: Context) -> ViewType
    func updateUIView(_ view: ViewType, context: Context)
}

extension UIViewRepresentable {
    public var body: Never { fatalError("stub") }
}

public struct RepresentableContext {}
