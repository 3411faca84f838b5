/// The states of every token of a text, kept small: new spans, another pooling, fewer dimensions or
/// a head run on them without encoding the text again.
package struct TokenStates: Sendable, Equatable {
    /// How a number is kept.
    package enum Format: String, Sendable, Hashable, CaseIterable {
        /// IEEE binary16: a relative error of at most 2^-11 in its normal range, 2^-25 below it.
        /// Numbers past 65,504 become 65,504.
        case float16
        /// 8 bits and one float32 scale for each token: an error of at most 1/254 of the token's
        /// largest magnitude.
        case int8
    }

    /// How the numbers are kept.
    package let format: Format
    /// The width of a state.
    package let columns: Int
    /// Where each token lies in the text, in characters as the caller counts them; special tokens
    /// have empty ranges. As many as there are states.
    package let offsets: [Range<Int>]
    /// The kept bytes, little-endian: row after row of numbers; for int8 each row's scale before it.
    let bytes: [UInt8]

    /// Whether tokens lie one after the other in the text, special tokens left out: what a damaged file
    /// says may not.
    static func areInOrder(_ offsets: [Range<Int>]) -> Bool {
        let real = offsets.filter { !$0.isEmpty }
        return zip(real, real.dropFirst()).allSatisfy {
            $0.lowerBound <= $1.lowerBound && $0.upperBound <= $1.upperBound
        }
    }

    /// How many tokens there are.
    package var rows: Int { offsets.count }

    /// The bytes that the states take.
    package var byteCount: Int { bytes.count }

    /// Keeps `states`, row-major, [offsets.count, columns], finite.
    package init(_ states: [Float], columns: Int, offsets: [Range<Int>], format: Format) {
        precondition(columns > 0 && states.count == offsets.count * columns)
        self.format = format
        self.columns = columns
        self.offsets = offsets
        bytes = Self.pack(states, columns: columns, format: format)
    }

    /// States from a file; nil when the parts do not fit each other.
    init?(bytes: [UInt8], columns: Int, offsets: [Range<Int>], format: Format) {
        guard columns > 0, columns < 1 << 24,
            bytes.count == offsets.count * Self.rowBytes(columns, format)
        else { return nil }
        self.format = format
        self.columns = columns
        self.offsets = offsets
        self.bytes = bytes
    }

    /// The states as float32, row-major, [rows, columns].
    package func floats() -> [Float] {
        let rowBytes = Self.rowBytes(columns, format)
        return [Float](unsafeUninitializedCapacity: rows * columns) { output, count in
            bytes.withUnsafeBytes { bytes in
                for row in 0..<rows {
                    let start = row * rowBytes
                    let scale =
                        format == .int8
                        ? Float(
                            bitPattern: UInt32(
                                littleEndian: bytes.loadUnaligned(
                                    fromByteOffset: start, as: UInt32.self))) : 1
                    for column in 0..<columns {
                        let value: Float =
                            switch format {
                            case .float16:
                                HalfFloat.decode(
                                    UInt16(
                                        littleEndian: bytes.loadUnaligned(
                                            fromByteOffset: start + 2 * column, as: UInt16.self)))
                            case .int8:
                                Float(Int8(bitPattern: bytes[start + 4 + column])) * scale
                            }
                        output.initializeElement(at: row * columns + column, to: value)
                    }
                }
            }
            count = rows * columns
        }
    }

    private static func rowBytes(_ columns: Int, _ format: Format) -> Int {
        switch format {
        case .float16: 2 * columns
        case .int8: 4 + columns
        }
    }

    private static func pack(_ states: [Float], columns: Int, format: Format) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(states.count / columns * rowBytes(columns, format))
        for start in stride(from: 0, to: states.count, by: columns) {
            let row = states[start..<start + columns]
            switch format {
            case .float16:
                for value in row {
                    let half = HalfFloat.encode(value)
                    bytes.append(UInt8(truncatingIfNeeded: half))
                    bytes.append(UInt8(truncatingIfNeeded: half >> 8))
                }
            case .int8:
                let largest = row.reduce(0) { max($0, abs($1)) }
                let scale = largest / 127
                for shift in stride(from: 0, to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: scale.bitPattern >> shift))
                }
                let inverse = scale > 0 ? 1 / scale : 0
                for value in row {
                    let step = max(-127, min(127, (value * inverse).rounded()))
                    bytes.append(UInt8(bitPattern: Int8(step)))
                }
            }
        }
        return bytes
    }
}

/// IEEE binary16 by integer arithmetic, since the compiler's own type is missing on some platforms.
enum HalfFloat {
    /// The nearest half, ties to even; past the largest, the largest; NaN becomes 0.
    static func encode(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let magnitude = bits & 0x7fff_ffff
        if magnitude > 0x7f80_0000 { return 0 }
        // 65,520 and above would round to infinity.
        if magnitude >= 0x477f_f000 { return sign | 0x7bff }
        if magnitude < 0x3880_0000 {
            // Below the normal range a unit is 2^-24; adding 0.5 lets the processor round to it.
            let shifted = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: shifted.bitPattern &- Float(0.5).bitPattern)
        }
        let odd = (magnitude >> 13) & 1
        return sign
            | UInt16(truncatingIfNeeded: (magnitude &- 0x3800_0000 &+ 0xfff &+ odd) >> 13)
    }

    /// The number that the half stands for.
    static func decode(_ half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let magnitude = UInt32(half & 0x7fff)
        if magnitude >= 0x7c00 {
            return Float(bitPattern: sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13)
        }
        if magnitude >= 0x400 {
            return Float(bitPattern: sign | (magnitude << 13 &+ 0x3800_0000))
        }
        let value = Float(magnitude) * 0x1p-24
        return sign == 0 ? value : -value
    }
}
