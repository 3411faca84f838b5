/// Why bytes are not JSON.
struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    /// The byte at which it shows.
    let offset: Int
    let reason: String

    var description: String { "\(reason) at byte \(offset)" }
}

/// A JSON text (RFC 8259), checked whole and laid out flat: one small node a value or key, in the
/// order of the text, and nothing copied. Every byte is looked at a fixed number of times.
struct JSONTape: Sendable {
    enum Kind: UInt8, Sendable {
        case null, no, yes
        /// A number without fraction and exponent.
        case integer
        case number
        /// A string whose bytes are its value.
        case string
        case escapedString
        /// Values, one node after the other.
        case array
        /// Keys and values, one after the other.
        case object
    }

    struct Node: Sendable {
        let kind: Kind
        /// The text of a number or of a string without its quotes.
        let start: Int32
        var end: Int32
        /// The node behind this one and all that is in it.
        var next: Int32
    }

    /// As deep as Foundation goes: what is deeper is an attack, not a request.
    static let maximumDepth = 512

    let bytes: [UInt8]
    private(set) var nodes: [Node] = []

    /// Reads `bytes`; all of them must be one value and white space.
    /// - Parameter hasRoom: asked, again and again, whether there is memory for so many bytes of nodes
    ///   more: a text of two bytes a value has eight times its size of them.
    init(
        _ bytes: [UInt8], hasRoom: (Int) -> Bool = { _ in true }
    ) throws(JSONSyntaxError) {
        self.bytes = bytes
        guard bytes.count < Int32.max else {
            throw JSONSyntaxError(offset: 0, reason: "more than 2 GiB")
        }
        nodes.reserveCapacity(16)
        var scanner = JSONScanner(bytes: bytes)
        try scanner.scan(into: &nodes, hasRoom: hasRoom)
        // All bytes above ASCII lie in strings here.
        if scanner.hasHighBytes, let offset = bytes.firstNotUTF8 {
            throw JSONSyntaxError(offset: offset, reason: "text that is not UTF-8")
        }
    }

    /// The node behind `index` and all that is in it.
    func next(after index: Int) -> Int { Int(nodes[index].next) }

    /// How many values an array has.
    func count(of array: Int) -> Int {
        let end = next(after: array)
        var (index, count) = (array + 1, 0)
        while index < end {
            index = next(after: index)
            count += 1
        }
        return count
    }

    /// The names of an object's members with the nodes of their values, in the order of the text.
    func members(of object: Int) -> some Sequence<(name: String, value: Int)> {
        let end = next(after: object)
        return sequence(state: object + 1) { index in
            guard index < end else { return nil }
            let key = index
            index = next(after: key + 1)
            return (string(at: key), key + 1)
        }
    }

    /// The value of an object's member, the first of that name; nil where there is none, or no object.
    func member(_ name: String, of node: Int) -> Int? {
        guard nodes[node].kind == .object else { return nil }
        return members(of: node).first { $0.name == name }?.value
    }

    /// The bytes of a number, or of a string as they are written.
    func text(at index: Int) -> ArraySlice<UInt8> {
        bytes[Int(nodes[index].start)..<Int(nodes[index].end)]
    }

    /// The value of a string's node.
    func string(at index: Int) -> String {
        let text = text(at: index)
        guard nodes[index].kind == .escapedString else {
            return String(decoding: text, as: UTF8.self)
        }
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                Self.unescape(&rest, into: &plain)
            } else {
                plain.append(byte)
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    /// One escape behind its backslash; the scanner has checked it.
    private static func unescape(_ rest: inout ArraySlice<UInt8>, into plain: inout [UInt8]) {
        switch rest.popFirst() {
        case UInt8(ascii: "b"): plain.append(0x08)
        case UInt8(ascii: "f"): plain.append(0x0C)
        case UInt8(ascii: "n"): plain.append(0x0A)
        case UInt8(ascii: "r"): plain.append(0x0D)
        case UInt8(ascii: "t"): plain.append(0x09)
        case UInt8(ascii: "u"):
            var value = UInt32(JSONScanner.hexadecimal(rest.prefix(4)) ?? 0)
            rest = rest.dropFirst(4)
            if (0xD800..<0xDC00).contains(value) {
                let low = UInt32(JSONScanner.hexadecimal(rest.dropFirst(2).prefix(4)) ?? 0)
                rest = rest.dropFirst(6)
                value = 0x10000 + (value - 0xD800) << 10 + (low & 0x3FF)
            }
            if let scalar = Unicode.Scalar(value) {
                plain.append(contentsOf: String(Character(scalar)).utf8)
            }
        case .some(let byte): plain.append(byte)
        case nil: break
        }
    }
}

/// The grammar.
struct JSONScanner {
    let bytes: [UInt8]
    private(set) var position = 0
    private(set) var hasHighBytes = false

    init(bytes: [UInt8]) { self.bytes = bytes }

    private enum Expectation {
        case value
        /// A value, or the end of an array that has none yet.
        case firstValue
        case key
        case firstKey
        /// A comma, or the end of what is open.
        case separator
    }

    /// Nodes for which room is asked at once.
    private static let roomNodes = 1 << 16

    mutating func scan(
        into nodes: inout [JSONTape.Node], hasRoom: (Int) -> Bool
    ) throws(JSONSyntaxError) {
        var nodesWithRoom = Self.roomNodes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        var open: [Int] = []
        var expectation = Expectation.value
        while true {
            skipBlanks()
            if nodes.count >= nodesWithRoom {
                guard hasRoom(Self.roomNodes * MemoryLayout<JSONTape.Node>.stride) else {
                    throw failure("no room for more values")
                }
                nodesWithRoom += Self.roomNodes
            }
            guard position < bytes.count else {
                throw failure(nodes.isEmpty ? "nothing" : "an end that comes too early")
            }
            let byte = bytes[position]
            switch expectation {
            case .separator:
                guard let container = open.last else {
                    throw failure("more than one value")
                }
                let isObject = nodes[container].kind == .object
                if byte == UInt8(ascii: ",") {
                    position += 1
                    expectation = isObject ? .key : .value
                } else if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    close(&open, &nodes)
                } else {
                    throw failure(isObject ? "no , or }" : "no , or ]")
                }
            case .firstKey where byte == UInt8(ascii: "}"),
                .firstValue where byte == UInt8(ascii: "]"):
                close(&open, &nodes)
                expectation = .separator
            case .key, .firstKey:
                guard byte == UInt8(ascii: "\"") else { throw failure("no key") }
                try string(into: &nodes)
                skipBlanks()
                guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                    throw failure("no :")
                }
                position += 1
                expectation = .value
            case .value, .firstValue:
                switch byte {
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    let isObject = byte == UInt8(ascii: "{")
                    open.append(nodes.count)
                    guard open.count <= JSONTape.maximumDepth else {
                        throw failure("more than \(JSONTape.maximumDepth) levels")
                    }
                    append(isObject ? .object : .array, from: position, to: &nodes)
                    position += 1
                    expectation = isObject ? .firstKey : .firstValue
                    continue
                case UInt8(ascii: "\""): try string(into: &nodes)
                case UInt8(ascii: "t"): try word("true", .yes, into: &nodes)
                case UInt8(ascii: "f"): try word("false", .no, into: &nodes)
                case UInt8(ascii: "n"): try word("null", .null, into: &nodes)
                default: try number(into: &nodes)
                }
                expectation = .separator
            }
            if open.isEmpty {
                skipBlanks()
                guard position == bytes.count else { throw failure("more than one value") }
                return
            }
        }
    }

    private mutating func close(_ open: inout [Int], _ nodes: inout [JSONTape.Node]) {
        position += 1
        guard let container = open.popLast() else { return }
        nodes[container].end = Int32(position)
        nodes[container].next = Int32(nodes.count)
    }

    private func append(
        _ kind: JSONTape.Kind, from start: Int, to nodes: inout [JSONTape.Node]
    ) {
        nodes.append(
            JSONTape.Node(
                kind: kind, start: Int32(start), end: Int32(position),
                next: Int32(nodes.count + 1)))
    }

    private mutating func skipBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func word(
        _ word: StaticString, _ kind: JSONTape.Kind, into nodes: inout [JSONTape.Node]
    ) throws(JSONSyntaxError) {
        let start = position
        let end = start + word.utf8CodeUnitCount
        let isThere = word.withUTF8Buffer { expected in
            end <= bytes.count && bytes[start..<end].elementsEqual(expected)
        }
        guard isThere else { throw failure("no value") }
        position = end
        append(kind, from: start, to: &nodes)
    }

    private mutating func number(into nodes: inout [JSONTape.Node]) throws(JSONSyntaxError) {
        let start = position
        var kind = JSONTape.Kind.integer
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits("no value")
        }
        if peek() == UInt8(ascii: ".") {
            kind = .number
            position += 1
            try digits("a number without digits behind its point")
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            kind = .number
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            try digits("a number without an exponent")
        }
        append(kind, from: start, to: &nodes)
    }

    private mutating func digits(_ reason: String) throws(JSONSyntaxError) {
        let start = position
        while position < bytes.count, bytes[position] &- 0x30 < 10 { position += 1 }
        guard position > start else { throw failure(reason) }
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func string(into nodes: inout [JSONTape.Node]) throws(JSONSyntaxError) {
        position += 1
        let start = position
        var kind = JSONTape.Kind.string
        var union: UInt8 = 0
        while true {
            guard position < bytes.count else { throw failure("a string without an end") }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                kind = .escapedString
                try escape()
                continue
            }
            guard byte >= 0x20 else { throw failure("a control character in a string") }
            union |= byte
            position += 1
        }
        if union >= 0x80 { hasHighBytes = true }
        append(kind, from: start, to: &nodes)
        position += 1
    }

    private mutating func escape() throws(JSONSyntaxError) {
        let letter = position + 1 < bytes.count ? bytes[position + 1] : 0
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            guard let first = codeUnit(at: position) else { throw failure("a broken escape") }
            if (0xD800..<0xDC00).contains(first) {
                guard let second = codeUnit(at: position + 6),
                    (0xDC00..<0xE000).contains(second)
                else { throw failure("half a surrogate pair") }
                position += 12
            } else if (0xDC00..<0xE000).contains(first) {
                throw failure("half a surrogate pair")
            } else {
                position += 6
            }
        default:
            throw failure("an unknown escape")
        }
    }

    /// What `\uXXXX` at `start` stands for.
    private func codeUnit(at start: Int) -> UInt16? {
        guard start + 6 <= bytes.count, bytes[start] == UInt8(ascii: "\\"),
            bytes[start + 1] == UInt8(ascii: "u")
        else { return nil }
        return Self.hexadecimal(bytes[(start + 2)..<(start + 6)])
    }

    static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt16? {
        var value: UInt16 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(digit - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(digit - 0x57)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(digit - 0x37)
            default: return nil
            }
        }
        return value
    }

    private func failure(_ reason: String) -> JSONSyntaxError {
        JSONSyntaxError(offset: position, reason: reason)
    }
}

extension [UInt8] {
    /// Where they stop being UTF-8; nil where they do not.
    fileprivate var firstNotUTF8: Int? {
        if String(validating: self, as: UTF8.self) != nil { return nil }
        var (decoder, bytes, offset) = (UTF8(), makeIterator(), 0)
        while case .scalarValue(let scalar) = decoder.decode(&bytes) {
            offset += UTF8.width(scalar)
        }
        return offset
    }
}
