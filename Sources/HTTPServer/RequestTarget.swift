/// Percent-decoding of request targets and of their queries.
enum RequestTarget {
    /// The bytes that `bytes` escape; `plusIsSpace` as in form-encoded queries. Malformed escapes
    /// stay as they are: the decoder has refused them before.
    static func unescaped(_ bytes: some Collection<UInt8>, plusIsSpace: Bool = false) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index = bytes.index(after: index)
            if byte == 0x25, let escaped = escape(bytes[index...]) {
                result.append(escaped)
                index = bytes.index(index, offsetBy: 2)
            } else {
                result.append(plusIsSpace && byte == 0x2B ? 0x20 : byte)
            }
        }
        return result
    }

    private static func escape(_ rest: some Collection<UInt8>) -> UInt8? {
        let digits = Array(rest.prefix(2))
        guard digits.count == 2, let high = FieldGrammar.hexValue(digits[0]),
            let low = FieldGrammar.hexValue(digits[1])
        else { return nil }
        return high << 4 | low
    }

    /// Whether `target` decodes to UTF-8 without a NUL.
    static func decodesToText(_ target: ArraySlice<UInt8>) -> Bool {
        guard target.contains(0x25) else { return true }
        let bytes = unescaped(target)
        return !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }

    /// The percent-decoded path of a target such as `/a%20b?x=1`.
    static func path(of target: String) -> String {
        let raw = target.utf8.prefix { $0 != 0x3F }
        if !raw.contains(0x25) { return String(raw) ?? "" }
        return String(decoding: unescaped(raw), as: UTF8.self)
    }

    /// The segments between the slashes of a target's path, each percent-decoded.
    static func segments(of target: String) -> [String] {
        target.utf8.prefix { $0 != 0x3F }.dropFirst()
            .split(separator: 0x2F, omittingEmptySubsequences: false)
            .map { String(decoding: unescaped($0), as: UTF8.self) }
    }

    /// The decoded query. Of a name given twice the last value holds; a name alone has "".
    static func query(of target: String) -> [String: String] {
        guard let mark = target.utf8.firstIndex(of: 0x3F) else { return [:] }
        var result: [String: String] = [:]
        let bytes = target.utf8[target.utf8.index(after: mark)...]
        for pair in bytes.split(separator: 0x26, omittingEmptySubsequences: true) {
            let equals = pair.firstIndex(of: 0x3D)
            let name = pair[..<(equals ?? pair.endIndex)]
            let value = equals.map { pair[pair.index(after: $0)...] } ?? pair[pair.endIndex...]
            result[text(name)] = text(value)
        }
        return result
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: unescaped(bytes, plusIsSpace: true), as: UTF8.self)
    }
}
