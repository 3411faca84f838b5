import DocumentStore

/// Decodes what a route wants from a JSON text, as Foundation's `JSONDecoder` does with
/// `convertFromSnakeCase`: the same values, and errors of the same cases and paths. Nothing is copied
/// but the strings that are asked for; the text has been checked already.
struct JSONBodyDecoder: Decoder {
    let document: JSONDocument
    /// The value's node.
    let node: Int
    let path: JSONPath
    /// Whether keys are converted: those of a dictionary are its owner's and stay as they are.
    fileprivate var convertsKeys = true

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Decodes the whole of `tape`.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from tape: JSONTape, within allowance: DecodingAllowance? = nil
    ) throws -> Value {
        let document = JSONDocument(tape, within: allowance)
        return try JSONBodyDecoder(document: document, node: 0, path: .root).decode(type)
    }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard document.kind(node) == .object else { throw mismatch([String: Any].self) }
        return KeyedDecodingContainer(try JSONMembers<Key>(self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard document.kind(node) == .array else { throw mismatch([Any].self) }
        return JSONElements(self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func child(_ node: Int, _ path: JSONPath) -> JSONBodyDecoder {
        JSONBodyDecoder(document: document, node: node, path: path)
    }

    private func mismatch(_ type: any Any.Type) -> DecodingError {
        let context = DecodingError.Context(
            codingPath: codingPath, debugDescription: "expected another type")
        return document.kind(node) == .null
            ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    func corrupted(_ reason: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath, debugDescription: reason))
    }
}

// MARK: - Values

extension JSONBodyDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { document.kind(node) == .null }

    func decode(_: Bool.Type) throws -> Bool {
        switch document.kind(node) {
        case .yes: true
        case .no: false
        default: throw mismatch(Bool.self)
        }
    }

    func decode(_: String.Type) throws -> String {
        switch document.kind(node) {
        case .string, .escapedString:
            try document.spend(forStringOf: size)
            return document.tape.string(at: node)
        default: throw mismatch(String.self)
        }
    }

    func decode(_: Double.Type) throws -> Double { try float(Double.self) }
    func decode(_: Float.Type) throws -> Float { try float(Float.self) }
    func decode(_: Int.Type) throws -> Int { try integer(Int.self) }
    func decode(_: Int8.Type) throws -> Int8 { try integer(Int8.self) }
    func decode(_: Int16.Type) throws -> Int16 { try integer(Int16.self) }
    func decode(_: Int32.Type) throws -> Int32 { try integer(Int32.self) }
    func decode(_: Int64.Type) throws -> Int64 { try integer(Int64.self) }
    func decode(_: UInt.Type) throws -> UInt { try integer(UInt.self) }
    func decode(_: UInt8.Type) throws -> UInt8 { try integer(UInt8.self) }
    func decode(_: UInt16.Type) throws -> UInt16 { try integer(UInt16.self) }
    func decode(_: UInt32.Type) throws -> UInt32 { try integer(UInt32.self) }
    func decode(_: UInt64.Type) throws -> UInt64 { try integer(UInt64.self) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // The arrays that are long, without a container for each of their elements.
        if type == [Int32].self, let values = try elements({ try $0.decode(Int32.self) }) as? Value
        {
            return values
        }
        if type == [String].self {
            try checkCount(atMost: Self.maximumStrings)
            if let values = try elements({ try $0.decode(String.self) }) as? Value { return values }
        }
        if type == [Float].self, let values = try elements({ try $0.decode(Float.self) }) as? Value
        {
            return values
        }
        if type == MetadataValue.self, let value = try metadata() as? Value { return value }
        if type == [String: MetadataValue].self, document.kind(node) == .object,
            let value = try metadataMembers() as? Value
        {
            return value
        }
        var decoder = self
        decoder.convertsKeys = !(type is any StringKeyed.Type)
        return try type.init(from: decoder)
    }

    /// The most strings in a list: the shortest takes five times its bytes, before anybody counts.
    private static let maximumStrings = 1 << 20

    private func checkCount(atMost limit: Int) throws {
        let end = document.tape.next(after: node)
        guard document.kind(node) == .array, end - node > limit,
            [.string, .escapedString].contains(document.kind(node + 1))
        else { return }
        let count = document.tape.count(of: node)
        if count > limit {
            throw FieldError(
                field: codingPath.last?.wireName ?? "body",
                reason: "has \(count) entries; at most \(limit) are allowed")
        }
    }

    func elements<Element>(
        _ element: (JSONBodyDecoder) throws -> Element
    ) throws -> [Element] {
        guard document.kind(node) == .array else { throw mismatch([Any].self) }
        var values: [Element] = []
        let end = document.tape.next(after: node)
        var index = node + 1
        try document.spend(48)
        while index < end {
            try document.spend(MemoryLayout<Element>.stride)
            values.append(try element(child(index, .index(values.count, in: path))))
            index = document.tape.next(after: index)
        }
        return values
    }

    private func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        guard isNumber else { throw mismatch(type) }
        if let value = document.tape.integer(type, at: node) { return value }
        throw corrupted("expected an integer of \(Value.bitWidth) bits, got \(beginning)")
    }

    private func float<Value: BinaryFloatingPoint & LosslessStringConvertible>(
        _ type: Value.Type
    ) throws -> Value {
        guard isNumber else { throw mismatch(type) }
        if let value = document.tape.float(type, at: node) { return value }
        throw corrupted(
            "expected a number of \(MemoryLayout<Value>.size * 8) bits, got \(beginning)")
    }

    private var isNumber: Bool { [.integer, .number].contains(document.kind(node)) }

    /// How many bytes the value's text has.
    var size: Int { document.tape.text(at: node).count }

    /// The value's text as it came.
    var text: String { String(decoding: document.tape.text(at: node), as: UTF8.self) }

    /// The beginning of the value's text, for a message.
    var beginning: String {
        String(decoding: document.tape.text(at: node).prefix(40), as: UTF8.self)
    }
}

/// A dictionary, whose keys are data.
private protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String {}

// MARK: - Places

/// A tape that containers share, and what decoding it may take.
final class JSONDocument: Sendable {
    let tape: JSONTape
    private let allowance: DecodingAllowance?

    init(_ tape: JSONTape, within allowance: DecodingAllowance? = nil) {
        self.tape = tape
        self.allowance = allowance
    }

    /// Counts memory that a value takes, about so many bytes.
    func spend(_ bytes: Int) throws { try allowance?.spend(bytes) }

    /// The same for a string of so many bytes, but for these: they are no more than the text's own. Up to
    /// 15 lie in the value itself.
    func spend(forStringOf count: Int) throws {
        if count > 15 { try spend(32) }
    }

    func kind(_ node: Int) -> JSONTape.Kind { tape.nodes[node].kind }
}

/// The way to a value; made into keys for an error alone.
indirect enum JSONPath {
    case root
    case key(any CodingKey, in: JSONPath)
    case index(Int, in: JSONPath)

    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var path = self
        while true {
            switch path {
            case .root: return keys.reversed()
            case .key(let key, let parent):
                keys.append(key)
                path = parent
            case .index(let index, let parent):
                keys.append(JSONIndex(intValue: index))
                path = parent
            }
        }
    }
}

/// The name of a member that is data: its owner's, and never converted.
struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// A place in an array, as Foundation names it.
private struct JSONIndex: CodingKey {
    let value: Int
    var intValue: Int? { value }
    var stringValue: String { "Index \(value)" }
    init(intValue: Int) { value = intValue }
    init?(stringValue: String) { nil }
}

// MARK: - Objects

private struct JSONMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let decoder: JSONBodyDecoder
    /// The nodes of the values by their names, the first of a name: what is asked for more often
    /// than a few times, or by whoever sends it, is not searched for.
    private let places: [String: Int]

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { places.keys.compactMap(Key.init(stringValue:)) }

    init(_ decoder: JSONBodyDecoder) throws {
        self.decoder = decoder
        var places: [String: Int] = [:]
        for (name, value) in decoder.document.tape.members(of: decoder.node) {
            try decoder.document.spend(64)
            let name = decoder.convertsKeys ? SnakeCase.camel(name) : name
            if places[name] == nil { places[name] = value }
        }
        self.places = places
    }

    private func value(_ key: Key) throws -> JSONBodyDecoder {
        guard let node = places[key.stringValue] else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "the key is missing"))
        }
        let name: any CodingKey = decoder.convertsKeys ? key : MemberName(key.stringValue)
        return decoder.child(node, .key(name, in: decoder.path))
    }

    func contains(_ key: Key) -> Bool { places[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try value(key).decodeNil() }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try value(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try value(key).decode(type)
    }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
        try value(key).decode(type)
    }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try value(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try value(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try value(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try value(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try value(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try value(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try value(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try value(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
        try value(key).decode(type)
    }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
        try value(key).decode(type)
    }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
        try value(key).decode(type)
    }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try value(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try value(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try value(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try value(key) }
}

/// `convertFromSnakeCase` of Foundation: `top_k` is `topK`; names without an inner underscore stay.
enum SnakeCase {
    static func camel(_ name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "_")) else { return name }
        let leading = name.prefix { $0 == "_" }
        let trailing = name.dropFirst(leading.count).reversed().prefix { $0 == "_" }.count
        let inner = name.dropFirst(leading.count).dropLast(trailing)
        let words = inner.split(separator: "_")
        guard words.count > 1, let first = words.first else {
            return name
        }
        let rest = words.dropFirst().map { word in
            word.prefix(1).uppercased() + word.dropFirst().lowercased()
        }.joined()
        return leading + first.lowercased() + rest + String(repeating: "_", count: trailing)
    }
}

// MARK: - Arrays

private struct JSONElements: UnkeyedDecodingContainer {
    private let decoder: JSONBodyDecoder
    private let end: Int
    private var node: Int
    private(set) var currentIndex = 0
    let count: Int?

    init(_ decoder: JSONBodyDecoder) {
        self.decoder = decoder
        let tape = decoder.document.tape
        end = tape.next(after: decoder.node)
        node = decoder.node + 1
        count = tape.count(of: decoder.node)
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var isAtEnd: Bool { node >= end }

    private func element(_ type: any Any.Type) throws -> JSONBodyDecoder {
        let path = JSONPath.index(currentIndex, in: decoder.path)
        try decoder.document.spend(64)
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                type, .init(codingPath: path.keys, debugDescription: "the array has ended"))
        }
        return decoder.child(node, path)
    }

    /// Goes on behind an element that was read.
    private mutating func take<Value>(
        _ type: Value.Type, _ body: (JSONBodyDecoder) throws -> Value
    ) throws -> Value {
        let value = try body(element(type))
        node = decoder.document.tape.next(after: node)
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard try element(Never.self).decodeNil() else { return false }
        node = decoder.document.tape.next(after: node)
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try take(type) { try $0.decode(type) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try take(KeyedDecodingContainer<Nested>.self) { try $0.container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try take((any UnkeyedDecodingContainer).self) { try $0.unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder { try take((any Decoder).self) { $0 } }
}
