extension Scalar {
    /// Whether this stands before `other`, a value of the same kind: numbers by their exact values,
    /// strings by their bytes. The order of the index of metadata, which SQLite keeps.
    func precedes(_ other: Scalar) -> Bool {
        switch (self, other) {
        case (.bool(let a), .bool(let b)): !a && b
        case (.integer(let a), .integer(let b)): a < b
        case (.number(let a), .number(let b)): a < b
        case (.integer(let a), .number(let b)): Self.isLess(a, b)
        case (.number(let a), .integer(let b)): Self.isLess(a, b)
        case (.string(let a), .string(let b)): a.lexicographicallyPrecedes(b)
        default: false
        }
    }

    /// a < b for whole a: a < ceil(b), which is a whole number of 64 bits or beyond them all.
    private static func isLess(_ a: Int64, _ b: Double) -> Bool {
        guard b < 0x1p63 else { return true }
        guard b > -0x1p63 else { return false }
        return a < Int64(b.rounded(.up))
    }

    /// a < b for whole b: floor(a) < b.
    private static func isLess(_ a: Double, _ b: Int64) -> Bool {
        guard a < 0x1p63 else { return false }
        guard a >= -0x1p63 else { return true }
        return Int64(a.rounded(.down)) < b
    }
}
