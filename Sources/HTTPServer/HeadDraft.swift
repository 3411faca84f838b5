import HTTPTypes

/// One field line, split and checked.
struct FieldLine {
    let name: HTTPField.Name
    /// The name's bytes, for comparing without making strings.
    let nameBytes: ArraySlice<UInt8>
    /// The value without the blanks around it.
    let value: ArraySlice<UInt8>
    let text: String

    init(_ line: ArraySlice<UInt8>) throws(RequestDecodingError) {
        if let first = line.first, FieldGrammar.isBlank(first) { throw .foldedLine }
        let token = FieldGrammar.token
        var colon = line.startIndex
        while colon < line.endIndex, token.contains(line[colon]) { colon += 1 }
        guard colon > line.startIndex, colon < line.endIndex, line[colon] == 0x3A else {
            throw line.contains(0x0D) || line.contains(0) ? .controlCharacter : .fieldName
        }
        nameBytes = line[line.startIndex..<colon]
        guard let name = HTTPField.Name(String(decoding: nameBytes, as: UTF8.self)) else {
            throw .fieldName
        }
        value = FieldGrammar.trimmed(line[(colon + 1)...])
        var isASCII = true
        for byte in value {
            guard FieldGrammar.isFieldContent(byte) else {
                throw byte == 0 || byte == 0x0D
                    ? .controlCharacter : .fieldValue(name: name.rawName)
            }
            if byte >= 0x80 { isASCII = false }
        }
        if isASCII {
            text = String(decoding: value, as: UTF8.self)
        } else if let valid = String(validating: value, as: UTF8.self) {
            text = valid
        } else {
            throw .fieldValue(name: name.rawName)
        }
        self.name = name
    }
}

/// A head while its lines come in.
struct HeadDraft: Sendable {
    private(set) var request: HTTPRequest?
    private var isVersion10 = false
    /// The authority of an absolute-form target.
    private var targetAuthority: ArraySlice<UInt8>?
    private var host: ArraySlice<UInt8>?
    private var contentLength: ArraySlice<UInt8>?
    private var transferEncoding: ArraySlice<UInt8>?
    private var expectation: ArraySlice<UInt8>?
    private var closes = false

    mutating func readRequestLine(_ line: ArraySlice<UInt8>) throws(RequestDecodingError) {
        if line.contains(where: { $0 < 0x20 || $0 == 0x7F }) { throw .controlCharacter }
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty,
            parts[0].allSatisfy(FieldGrammar.token.contains),
            let method = HTTPRequest.Method(String(decoding: parts[0], as: UTF8.self))
        else { throw .requestLine }
        try readVersion(parts[2])
        if method == .connect { throw .notImplemented("method CONNECT") }
        let target = try originForm(parts[1], method: method)
        guard RequestTarget.decodesToText(target) else { throw .targetEncoding }
        request = HTTPRequest(
            method: method, scheme: "http", authority: nil,
            path: String(decoding: target, as: UTF8.self))
    }

    private mutating func readVersion(_ bytes: ArraySlice<UInt8>) throws(RequestDecodingError) {
        let version = Array(bytes)
        guard version.count == 8, version.starts(with: "HTTP/".utf8), version[6] == 0x2E,
            FieldGrammar.isDigit(version[5]), FieldGrammar.isDigit(version[7])
        else { throw .requestLine }
        // A higher minor version is answered as the highest one known (RFC 9110 section 2.5).
        guard version[5] == 0x31 else { throw .version }
        isVersion10 = version[7] == 0x30
    }

    /// The path and query of a target in origin, absolute or asterisk form.
    private mutating func originForm(
        _ target: ArraySlice<UInt8>, method: HTTPRequest.Method
    ) throws(RequestDecodingError) -> ArraySlice<UInt8> {
        if target.elementsEqual("*".utf8), method == .options { return target }
        var path = target
        if target.first != 0x2F {
            let scheme: Int
            if FieldGrammar.matches(target.prefix(7), "http://") {
                scheme = 7
            } else if FieldGrammar.matches(target.prefix(8), "https://") {
                scheme = 8
            } else {
                throw .target
            }
            let rest = target.dropFirst(scheme)
            let end = rest.firstIndex { $0 == 0x2F || $0 == 0x3F } ?? rest.endIndex
            guard FieldGrammar.isHost(rest[..<end]) else { throw .target }
            targetAuthority = rest[..<end]
            path = rest[end...]
            if path.first != 0x2F { path = [0x2F] + path }
        }
        guard FieldGrammar.hasWholeEscapes(path, allowed: FieldGrammar.target) else {
            throw .target
        }
        return path
    }

    mutating func readField(_ line: ArraySlice<UInt8>) throws(RequestDecodingError) {
        let field = try FieldLine(line)
        switch field.nameBytes.count {
        case 4 where FieldGrammar.matches(field.nameBytes, "host"):
            guard host == nil, FieldGrammar.isHost(field.value) else { throw .host }
            host = field.value
            request?.authority = field.text
        case 6 where FieldGrammar.matches(field.nameBytes, "expect"):
            guard expectation == nil else { throw .expectation }
            expectation = field.value
        case 10 where FieldGrammar.matches(field.nameBytes, "connection"):
            if FieldGrammar.listMembers(field.value).contains(where: {
                FieldGrammar.matches($0, "close")
            }) {
                closes = true
            }
        case 14 where FieldGrammar.matches(field.nameBytes, "content-length"):
            guard contentLength == nil else { throw .contentLength }
            contentLength = field.value
        case 17 where FieldGrammar.matches(field.nameBytes, "transfer-encoding"):
            guard transferEncoding == nil else { throw .transferEncoding }
            transferEncoding = field.value
        default:
            break
        }
        request?.headerFields.append(HTTPField(name: field.name, value: field.text))
    }

    /// The checks that need every field.
    mutating func finish(bodyLimit: Int) throws(RequestDecodingError) -> RequestHead {
        guard let request else { throw .requestLine }
        // The slices would keep the decoder's buffer from being reused in place.
        defer {
            targetAuthority = nil
            host = nil
            contentLength = nil
            transferEncoding = nil
            expectation = nil
        }
        try checkHost()
        let framing = try framing(bodyLimit: bodyLimit)
        var expectsContinue = false
        if let expectation, !isVersion10 {
            guard FieldGrammar.matches(expectation, "100-continue") else { throw .expectation }
            expectsContinue = framing != .none
        }
        return RequestHead(
            request: request, framing: framing, isVersion10: isVersion10,
            keepsAlive: !closes && !isVersion10, expectsContinue: expectsContinue)
    }

    private func checkHost() throws(RequestDecodingError) {
        guard let host else {
            if isVersion10 { return }
            throw .host
        }
        // RFC 9112 section 3.2.2 asks clients to send both alike; a difference fools somebody.
        if let targetAuthority, !targetAuthority.elementsEqual(host) { throw .host }
    }

    private func framing(bodyLimit: Int) throws(RequestDecodingError) -> BodyFraming {
        if let transferEncoding {
            if contentLength != nil || isVersion10 { throw .conflictingFraming }
            if FieldGrammar.matches(transferEncoding, "chunked") { return .chunked }
            let codings = FieldGrammar.listMembers(transferEncoding)
            let chunked = codings.filter { FieldGrammar.matches($0, "chunked") }.count
            guard chunked == 1, codings.count > 1, let last = codings.last,
                FieldGrammar.matches(last, "chunked")
            else { throw .transferEncoding }
            throw .notImplemented("a transfer coding other than chunked")
        }
        guard let contentLength else { return .none }
        guard !contentLength.isEmpty, contentLength.allSatisfy(FieldGrammar.isDigit) else {
            throw .contentLength
        }
        var length = 0
        for digit in contentLength {
            // No limit is so large that the next digit could overflow.
            length = length * 10 + Int(digit - 0x30)
            guard length <= bodyLimit else { throw .bodyTooLarge(limit: bodyLimit) }
        }
        return length == 0 ? .none : .length(length)
    }
}
