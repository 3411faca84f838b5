package import Foundation

/// Vectors as blobs: float32, little-endian.
package enum VectorBytes {
    /// Four bytes a number.
    package static func data(_ vector: [Float]) -> Data {
        vector.withUnsafeBytes { Data($0) }
    }

    /// The numbers; nil when the bytes are not whole numbers of four.
    package static func floats(_ bytes: some ContiguousBytes & Collection) -> [Float]? {
        guard bytes.count % 4 == 0 else { return nil }
        return bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map {
                Float(
                    bitPattern: UInt32(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
    }

    /// FNV-1a over words of eight bytes, the last filled up with zeros, then the length: tells
    /// bytes that a disk changed from those that were written, at the speed of memory.
    static func digest(_ bytes: Data) -> Int64 {
        bytes.withUnsafeBytes { digest($0) }
    }

    static func digest(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let whole = bytes.count / 8 * 8
        for offset in stride(from: 0, to: whole, by: 8) {
            let word = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            hash = (hash ^ word) &* 0x100_0000_01b3
        }
        var rest: UInt64 = 0
        for offset in whole..<bytes.count {
            rest |= UInt64(bytes[offset]) << (8 * UInt64(offset - whole))
        }
        hash = (hash ^ rest) &* 0x100_0000_01b3
        hash = (hash ^ UInt64(bytes.count)) &* 0x100_0000_01b3
        return Int64(bitPattern: hash)
    }

    static func ints(_ ranges: [Range<Int>]) -> Data {
        var data = Data(capacity: ranges.count * 8)
        for range in ranges {
            for number in [range.lowerBound, range.upperBound] {
                withUnsafeBytes(of: UInt32(clamping: number).littleEndian) {
                    data.append(contentsOf: $0)
                }
            }
        }
        return data
    }

    /// The ranges; nil when they are none.
    static func ranges(_ data: Data) -> [Range<Int>]? {
        guard data.count % 8 == 0 else { return nil }
        return data.withUnsafeBytes { bytes in
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(bytes.count / 8)
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                let lower = UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                let upper = UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
                guard lower <= upper else { return nil }
                ranges.append(Int(lower)..<Int(upper))
            }
            return ranges
        }
    }
}
