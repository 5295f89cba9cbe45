import UniformTypeIdentifiers

public protocol ShapeStyle: Sendable {}

public struct Material: ShapeStyle {
    public static let regular = Material()
}

public struct HierarchicalShapeStyle: ShapeStyle {}

public struct BackgroundStyle: ShapeStyle {}

public struct Color: ShapeStyle, View {
    public static let black = Color()
    public static let white = Color()
    public static let clear = Color()
    public init(red: Double, green: Double, blue: Double, opacity: Double = 1) {}
    init() {}
    public func opacity(_ opacity: Double) -> Color { self }
    public var body: Never { fatalError("stub") }
}

extension ShapeStyle where Self == Material {
    public static var regularMaterial: Material { .regular }
}
extension ShapeStyle where Self == HierarchicalShapeStyle {
    public static var secondary: HierarchicalShapeStyle { HierarchicalShapeStyle() }
}
extension ShapeStyle where Self == BackgroundStyle {
    public static var background: BackgroundStyle { BackgroundStyle() }
}
extension ShapeStyle where Self == Color {
    public static var black: Color { Color.black }
    public static var white: Color { Color.white }
}

public struct FillStyle: Sendable {
    public init(eoFill: Bool = false) {}
}

public struct Path: View {
    public init(_ rect: CGRect) {}
    public init(_ callback: (inout Path) -> Void) {}
    public mutating func addRect(_ rect: CGRect) {}
    public func fill<S: ShapeStyle>(_ content: S, style: FillStyle = FillStyle()) -> some View { self }
    public func stroke<S: ShapeStyle>(_ content: S, lineWidth: CGFloat = 1) -> some View { self }
    public var body: Never { fatalError("stub") }
}

public struct GraphicsContext {
    public var opacity: Double
    public mutating func clip(to path: Path) {}
    public mutating func concatenate(_ matrix: CGAffineTransform) {}
    public func draw(_ image: Image, in rect: CGRect) {}

    public struct Shading: Sendable {
        public static func color(_ color: Color) -> Shading { Shading() }
    }
    public struct ResolvedText {
        public func measure(in size: CGSize) -> CGSize { size }
    }
    public func stroke(_ path: Path, with shading: Shading, lineWidth: CGFloat = 1) {}
    public func fill(_ path: Path, with shading: Shading, style: FillStyle = FillStyle()) {}
    public func resolve(_ text: Text) -> ResolvedText { ResolvedText() }
    public func draw(_ text: ResolvedText, in rect: CGRect) {}
}

public struct Canvas: View {
    public init(renderer: @escaping (inout GraphicsContext, CGSize) -> Void) {}
    public var body: Never { fatalError("stub") }
}

public struct Font: Sendable {
    public static let headline = Font()
    public static let subheadline = Font()
    public static let footnote = Font()
    public static let caption = Font()
}

public protocol PrimitiveButtonStyle {}
public struct BorderedButtonStyle: PrimitiveButtonStyle {}
extension PrimitiveButtonStyle where Self == BorderedButtonStyle {
    public static var bordered: BorderedButtonStyle { BorderedButtonStyle() }
}

public enum AccessibilityChildBehavior: Sendable { case ignore, contain, combine }

extension View {
    public func padding() -> some View { self }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View { self }
    public func frame(maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil) -> some View { self }
    public func scaledToFit() -> some View { self }
    public func hidden() -> some View { self }
    public func disabled(_ disabled: Bool) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func monospacedDigit() -> some View { self }
    public func lineLimit(_ number: Int?) -> some View { self }
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View { self }
    public func background<S: ShapeStyle>(_ style: S) -> some View { self }
    public func buttonStyle<S: PrimitiveButtonStyle>(_ style: S) -> some View { self }
    public func gridCellColumns(_ count: Int) -> some View { self }
    public func allowsHitTesting(_ enabled: Bool) -> some View { self }
    public func tag<V: Hashable>(_ tag: V) -> some View { self }
    public func id<ID: Hashable>(_ id: ID) -> some View { self }
    public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { self }
    public func searchable(text: Binding<String>, prompt: String) -> some View { self }
    public func navigationTitle(_ title: String) -> some View { self }
    public func accessibilityHidden(_ hidden: Bool) -> some View { self }
    public func accessibilityLabel(_ label: String) -> some View { self }
    public func accessibilityValue(_ value: String) -> some View { self }
    public func accessibilityElement(children: AccessibilityChildBehavior = .ignore) -> some View { self }
    public func onDisappear(perform action: (() -> Void)?) -> some View { self }
    public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
    public func task<T: Equatable>(
        id value: T, _ action: @escaping @Sendable @MainActor () async -> Void
    ) -> some View { self }
    public func onChange<V: Equatable>(of value: V, _ action: @escaping (V, V) -> Void) -> some View { self }
    public func fileImporter(
        isPresented: Binding<Bool>, allowedContentTypes: [UTType],
        onCompletion: @escaping (Result<URL, any Error>) -> Void
    ) -> some View { self }
}
