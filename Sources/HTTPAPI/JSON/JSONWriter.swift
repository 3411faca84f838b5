import Serving

/// Writes JSON into bytes. Numbers are written in their shortest form that reads back as the same
/// value, so that an answer from the cache has the very bytes of the first one.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        open("{")
        body(&self)
        close("}")
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        open("[")
        body(&self)
        close("]")
    }

    /// Begins an array that ends with ``closeArray()``: of elements that are written in pieces.
    mutating func openArray() { open("[") }

    mutating func closeArray() { close("]") }

    /// What was written since the last call, for answers that leave in pieces.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll() }
        return bytes
    }

    mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
        needsComma = false
    }

    /// A key that is not known when the program is written.
    mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ !Self.needsEscape($0) }) {
            bytes.append(contentsOf: text.utf8)
        } else {
            for byte in text.utf8 { append(escaped: byte) }
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
        case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
        case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
        case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: #"\u00"#.utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }

    mutating func number(_ value: Int) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    /// A finite number; what is not finite has no place in JSON and becomes null.
    mutating func number(_ value: Float) {
        separate()
        bytes.append(contentsOf: value.isFinite ? value.description.utf8 : "null".utf8)
        needsComma = true
    }

    /// The same for a double.
    mutating func number(_ value: Double) {
        separate()
        bytes.append(contentsOf: value.isFinite ? value.description.utf8 : "null".utf8)
        needsComma = true
    }

    mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        needsComma = true
    }

    mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
        needsComma = true
    }

    /// A value that is JSON already.
    mutating func verbatim(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    /// A string, or null.
    mutating func optional(_ text: String?) {
        if let text { string(text) } else { null() }
    }

    /// An array of numbers, as `number` writes each.
    mutating func numbers(_ values: [Float]) {
        open("[")
        let format = ShortestFloat()
        var position = bytes.count
        // Room for every number and its comma; what is not needed is cut off again.
        let room = values.count * (ShortestFloat.maximumLength + 1)
        bytes.append(contentsOf: repeatElement(0, count: room))
        for (index, value) in values.enumerated() {
            if index > 0 {
                bytes[position] = UInt8(ascii: ",")
                position += 1
            }
            if value.isFinite {
                format.write(value, into: &bytes, at: &position)
            } else {
                for byte in "null".utf8 {
                    bytes[position] = byte
                    position += 1
                }
            }
        }
        bytes.removeLast(bytes.count - position)
        close("]")
    }

    /// A string: the numbers as little-endian float32 in base64 (RFC 4648), as OpenAI's clients
    /// expect them.
    mutating func base64(_ values: [Float]) {
        separate()
        let digits = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        bytes.append(UInt8(ascii: "\""))
        var position = bytes.count
        let length = (values.count * 4 + 2) / 3 * 4
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "="), count: length))
        // Bits that are not written yet, `count` of them, the first one highest.
        var bits: UInt64 = 0
        var count = 0
        for value in values {
            bits = bits << 32 | UInt64(value.bitPattern.byteSwapped)
            count += 32
            while count >= 6 {
                count -= 6
                bytes[position] = digits[Int(bits >> UInt64(count) & 63)]
                position += 1
            }
        }
        if count > 0 { bytes[position] = digits[Int(bits << UInt64(6 - count) & 63)] }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }
}

extension JSONWriter {
    /// JSON of about so many bytes, written aside from the pool that answers where that is much.
    static func long(
        bytes: Int, _ body: @escaping @Sendable (inout JSONWriter) -> Void
    ) async -> JSONWriter {
        await LongWork.run(bytes: bytes) {
            var writer = JSONWriter(capacity: bytes)
            body(&writer)
            return writer
        }
    }
}
