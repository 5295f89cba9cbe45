import Foundation

public protocol Scalar {}
extension Float: Scalar {}
extension UInt8: Scalar {}

public protocol ValueConvertible {}

public final class Tensor<T: Scalar>: ValueConvertible {
    public init(_ scalars: [T], shape: [Int]) {}
    public func scalars() -> [T] { [] }
}

public final class Value {
    public func tensor<T: Scalar>() -> Tensor<T>? { nil }
}

public final class Module {
    public init(filePath: String) {}
    public func load(_ method: String) throws {}
    public func forward(_ inputs: any ValueConvertible...) throws -> [Value] { [] }
}
