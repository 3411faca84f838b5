/// How the numbers of a vector are written: Cohere's names, sentence-transformers' forms.
package enum EmbeddingType: String, Sendable, CaseIterable {
    /// float32.
    case float
    /// -127 to 127: every number times 127 over the largest absolute one of its own vector, rounded to
    /// the nearest (half away from zero). The scale is the vector's own, so that the same text has the
    /// same bytes whatever it is sent with, and cosines need no scale.
    case int8
    /// `int8` plus 128.
    case uint8
    /// A bit per number, 1 where it is above 0, eight to a byte from the highest bit on, the last byte
    /// filled with 0; the byte less 128.
    case binary
    /// The same bytes without the 128 taken off.
    case ubinary

    /// The whole numbers that stand for `vector`; nil for `float`.
    package func quantized(_ vector: [Float]) -> [Int]? {
        switch self {
        case .float: nil
        case .int8: scaled(vector)
        case .uint8: scaled(vector).map { $0 + 128 }
        case .binary: packed(vector).map { $0 - 128 }
        case .ubinary: packed(vector)
        }
    }

    private func scaled(_ vector: [Float]) -> [Int] {
        let largest = vector.reduce(Float(0)) { Swift.max($0, abs($1)) }
        guard largest > 0 else { return vector.map { _ in 0 } }
        return vector.map { Int((Double($0) * 127 / Double(largest)).rounded()) }
    }

    private func packed(_ vector: [Float]) -> [Int] {
        stride(from: 0, to: vector.count, by: 8).map { start in
            (0..<8).reduce(0) { byte, bit in
                let index = start + bit
                return byte << 1 | (index < vector.count && vector[index] > 0 ? 1 : 0)
            }
        }
    }
}
