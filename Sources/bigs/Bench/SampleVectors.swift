import Kernels

/// Vectors that come out the same each time, around a thousand centres, so that near ones exist as
/// in real collections.
struct SampleVectors: Sendable {
    let columns: Int
    private let centres: [[Float]]

    init(columns: Int) {
        self.columns = columns
        centres = (0..<1000).map { Self.noise(seed: UInt64($0) << 40, columns) }
    }

    subscript(row: Int) -> [Float] {
        let noise = Self.noise(seed: UInt64(row) << 20 | 1, columns)
        return zip(centres[row % centres.count], noise).map { $0 * 0.7 + $1 }
    }

    /// The cosine in double precision.
    static func cosine(_ a: [Float], _ b: [Float]) -> Double {
        var (dot, x, y) = (0.0, 0.0, 0.0)
        for index in a.indices {
            dot += Double(a[index]) * Double(b[index])
            x += Double(a[index]) * Double(a[index])
            y += Double(b[index]) * Double(b[index])
        }
        return x > 0 && y > 0 ? dot / (x * y).squareRoot() : 0
    }

    /// Uniform in -1 ..< 1.
    private static func noise(seed: UInt64, _ count: Int) -> [Float] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            Float(Int32(truncatingIfNeeded: generator.next() >> 32)) * 0x1p-31
        }
    }
}
