import Foundation
import UIKit

public enum HorizontalAlignment: Sendable { case leading, center }

public struct Alignment: Sendable {
    public static let leading = Alignment()
    public static let center = Alignment()
    public static let topLeading = Alignment()
}

public struct VStack<Content: View>: View {
    public init(
        alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content
    ) {}
    public var body: Never { fatalError("stub") }
}

public struct HStack<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct ZStack<Content: View>: View {
    public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct Group<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct Spacer: View {
    public init() {}
    public var body: Never { fatalError("stub") }
}

public struct ScrollView<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct Grid<Content: View>: View {
    public init(
        alignment: Alignment = .center, horizontalSpacing: CGFloat? = nil, verticalSpacing: CGFloat? = nil,
        @ViewBuilder content: () -> Content
    ) {}
    public var body: Never { fatalError("stub") }
}

public struct GridRow<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct List<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct Section<Content: View>: View {
    public init(_ title: String, @ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct NavigationStack<Root: View>: View {
    public init(@ViewBuilder root: () -> Root) {}
    public var body: Never { fatalError("stub") }
}

public protocol Layout {}
public struct HStackLayout: Layout {
    public init(spacing: CGFloat? = nil) {}
}
public struct VStackLayout: Layout {
    public init(spacing: CGFloat? = nil) {}
}
public struct AnyLayout {
    public init<L: Layout>(_ layout: L) {}
    @MainActor
    public func callAsFunction<V: View>(@ViewBuilder _ content: () -> V) -> some View { content() }
}

public struct GeometryProxy {
    public var size: CGSize { .zero }
}

public struct GeometryReader<Content: View>: View {
    public init(@ViewBuilder content: @escaping (GeometryProxy) -> Content) {}
    public var body: Never { fatalError("stub") }
}

public struct ContentUnavailableView<Title: View, Description: View, Actions: View>: View {
    public init(
        @ViewBuilder label: () -> Title, @ViewBuilder description: () -> Description,
        @ViewBuilder actions: () -> Actions
    ) {}
    public var body: Never { fatalError("stub") }
}

extension ContentUnavailableView where Title == Label, Description == Text?, Actions == EmptyView {
    public init(_ title: String, systemImage name: String, description: Text? = nil) {}
}

public struct ProgressView: View {
    public init() {}
    public init<V: BinaryFloatingPoint>(value: V?, total: V = 1) {}
    public var body: Never { fatalError("stub") }
}

@MainActor
public final class ImageRenderer<Content: View> {
    public init(content: Content) {}
    public var scale: CGFloat = 1
    public var uiImage: UIImage? { nil }
}

public struct TabView<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("stub") }
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
