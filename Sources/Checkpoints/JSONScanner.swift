/// Reads JSON (RFC 8259) in one pass, as the caller asks for it: no tree is built, so a file decides
/// nothing about memory. Strict: keys are unique, integers are plain digits, nesting is bounded.
package struct JSONScanner {
    private var cursor: ByteCursor
    private var depth = 0
    private static let maximumDepth = 16

    /// Reads the bytes of `range` of `file`.
    package init(_ file: MappedFile, in range: Range<Int>) { cursor = ByteCursor(file, in: range) }

    private var fileName: String { cursor.file.name }

    private func unexpected(_ expected: String) -> CheckpointError {
        .invalidJSON(file: fileName, offset: cursor.offset, expected: expected)
    }

    private mutating func skipSpaces() throws(CheckpointError) {
        while let byte = cursor.peek, byte == 0x20 || (0x09...0x0D).contains(byte) {
            guard byte != 0x0B, byte != 0x0C else { throw unexpected("white space") }
            _ = try cursor.byte("white space")
        }
    }

    /// Whether `byte` comes next, after white space; if so, passes over it.
    private mutating func skip(_ byte: Character) throws(CheckpointError) -> Bool {
        try skipSpaces()
        guard let next = cursor.peek, next == byte.asciiValue else { return false }
        _ = try cursor.byte("a byte")
        return true
    }

    private mutating func expect(_ byte: Character) throws(CheckpointError) {
        guard try skip(byte) else { throw unexpected("'\(byte)'") }
    }

    /// Checks that nothing but white space is left.
    package mutating func end() throws(CheckpointError) {
        try skipSpaces()
        guard cursor.isAtEnd else { throw unexpected("the end") }
    }

    /// The character that the next value begins with; nil at the end.
    package mutating func next() throws(CheckpointError) -> Character? {
        try skipSpaces()
        return cursor.peek.map { Character(Unicode.Scalar($0)) }
    }

    private mutating func enter(_ bracket: Character) throws(CheckpointError) {
        guard depth < JSONScanner.maximumDepth else {
            throw .jsonTooDeep(
                file: fileName, offset: cursor.offset, limit: JSONScanner.maximumDepth)
        }
        try expect(bracket)
        depth += 1
    }

    /// Reads an object; `member` is called after each key and must read its value.
    package mutating func object(
        _ member: (inout JSONScanner, String) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        try enter("{")
        defer { depth -= 1 }
        if try skip("}") { return }
        var keys: Set<String> = []
        repeat {
            let key = try string()
            guard keys.insert(key).inserted else {
                throw .duplicateKey(file: fileName, key: key)
            }
            try expect(":")
            try member(&self, key)
        } while try skip(",")
        guard try skip("}") else { throw unexpected("',' or '}'") }
    }

    /// Reads an array; `element` is called for each element and must read it.
    package mutating func array(
        _ element: (inout JSONScanner) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        try enter("[")
        defer { depth -= 1 }
        if try skip("]") { return }
        repeat { try element(&self) } while try skip(",")
        guard try skip("]") else { throw unexpected("',' or ']'") }
    }

    /// Reads an integer that is not negative: digits only, without a leading zero.
    mutating func unsignedInteger() throws(CheckpointError) -> Int {
        try skipSpaces()
        var value = 0
        var digits = 0
        while let byte = cursor.peek, (0x30...0x39).contains(byte) {
            let (scaled, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = scaled.addingReportingOverflow(Int(byte) - 0x30)
            guard !overflows, !overflowsToo else {
                throw unexpected("an integer of at most 63 bits")
            }
            guard digits == 0 || value != 0 else { throw unexpected("no leading zero") }
            value = sum
            digits += 1
            _ = try cursor.byte("a digit")
        }
        guard digits > 0 else { throw unexpected("an integer that is not negative") }
        if let next = cursor.peek, next == 0x2E || next | 0x20 == 0x65 {
            throw unexpected("an integer")
        }
        return value
    }

    /// Reads a string.
    package mutating func string() throws(CheckpointError) -> String {
        try skipSpaces()
        let start = cursor.offset
        guard try skip("\"") else { throw unexpected("a string") }
        var bytes: [UInt8] = []
        while true {
            let byte = try cursor.byte("a string")
            switch byte {
            case 0x22:
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw .invalidText(file: fileName, what: "a string", offset: start)
                }
                return text
            case 0x5C: bytes.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20: throw unexpected("no control character in a string")
            default: bytes.append(byte)
            }
        }
    }

    private mutating func escape() throws(CheckpointError) -> Unicode.Scalar {
        switch try cursor.byte("an escape") {
        case 0x22: return "\""
        case 0x5C: return "\\"
        case 0x2F: return "/"
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75: break
        default: throw unexpected("an escape sequence")
        }
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, try cursor.byte("an escape") == 0x5C,
            try cursor.byte("an escape") == 0x75
        else { throw unexpected("a pair of surrogates") }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw unexpected("a pair of surrogates") }
        return scalar
    }

    private mutating func hexadecimal() throws(CheckpointError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try cursor.byte("an escape")
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw unexpected("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Passes over a value of any kind.
    mutating func skipValue() throws(CheckpointError) {
        switch try next() {
        case "{":
            try object { scanner, _ throws(CheckpointError) in try scanner.skipValue() }
        case "[":
            try array { scanner throws(CheckpointError) in try scanner.skipValue() }
        case "\"": _ = try string()
        default: _ = try literal()
        }
    }

    /// Reads a number, `true`, `false` or `null`, as it is written.
    package mutating func literal() throws(CheckpointError) -> String {
        try skipSpaces()
        var literal = ""
        while let byte = cursor.peek, literal.utf8.count < 40,
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte & 0xDF | 0x20)
                || byte == 0x2B || byte == 0x2D || byte == 0x2E
        {
            literal.unicodeScalars.append(Unicode.Scalar(try cursor.byte("a value")))
        }
        let isWord = ["true", "false", "null"].contains(literal)
        let isNumber =
            Double(literal) != nil && literal.first != "+"
            && literal.allSatisfy { !$0.isLetter || $0 == "e" || $0 == "E" }
        guard isWord || isNumber else { throw unexpected("a value") }
        return literal
    }
}
