/// Values of a library's tensor that need not lie one behind the other.
public enum Strided {
    /// All values in row-major order; `shape` and `strides` count values of `buffer`, whose length they
    /// must not pass.
    public static func values<Value: BinaryFloatingPoint>(
        _ buffer: UnsafeBufferPointer<Value>, shape: [Int], strides: [Int]
    ) -> [Float] {
        let count = shape.reduce(1, *)
        guard let width = shape.last, let step = strides.last, count > 0 else {
            return buffer.prefix(count).map { Float($0) }
        }
        return [Float](unsafeUninitializedCapacity: count) { out, written in
            var target = 0
            var index = [Int](repeating: 0, count: shape.count - 1)
            while target < count {
                var source = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
                for _ in 0..<width {
                    out[target] = Float(buffer[source])
                    target += 1
                    source += step
                }
                for axis in index.indices.reversed() {
                    index[axis] += 1
                    if index[axis] < shape[axis] { break }
                    index[axis] = 0
                }
            }
            written = count
        }
    }
}
