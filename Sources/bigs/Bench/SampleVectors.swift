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
        var state = seed
        return (0..<count).map { _ in
            Float(Int32(truncatingIfNeeded: SplitMix.next(&state) >> 32)) * 0x1p-31
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
enum SplitMix {
    static func next(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
