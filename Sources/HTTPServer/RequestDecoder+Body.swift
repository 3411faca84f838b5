/// Bodies: by length, and chunked (RFC 9112 section 7.1).
extension RequestDecoder {
    /// One step through the body. nil: more bytes are needed; `.some(nil)`: go on.
    mutating func advanceBody() throws(RequestDecodingError) -> Event?? {
        switch state {
        case .fixedBody(let remaining):
            guard let piece = takePiece(remaining) else { return nil }
            let left = remaining - piece.count
            state = left == 0 ? .complete : .fixedBody(remaining: left)
            return .some(.body(piece))
        case .chunkSize:
            guard let line = try chunkLine() else { return nil }
            let size = try chunkSize(line)
            if size == 0 {
                beginBlock()
                state = .trailers
            } else {
                state = .chunkData(remaining: size)
            }
        case .chunkData(let remaining):
            guard let piece = takePiece(remaining) else { return nil }
            let left = remaining - piece.count
            state = left == 0 ? .chunkEnd : .chunkData(remaining: left)
            return .some(.body(piece))
        case .chunkEnd:
            guard buffer.count - position >= 1 else { return nil }
            guard buffer[position] == 0x0D else { throw .chunk }
            guard buffer.count - position >= 2 else { return nil }
            guard buffer[position + 1] == 0x0A else { throw .chunk }
            position += 2
            scanned = position
            state = .chunkSize
        case .trailers:
            guard let line = try blockLine(limit: limits.trailerBlock, fields: limits.fields)
            else { return nil }
            // Trailers are checked and dropped: merging them would let them change the framing.
            if line.isEmpty { state = .complete } else { try checkTrailer(line) }
        default:
            break
        }
        return .some(nil)
    }

    private func checkTrailer(_ line: ArraySlice<UInt8>) throws(RequestDecodingError) {
        let name = try FieldLine(line).nameBytes
        if FieldGrammar.matches(name, "content-length")
            || FieldGrammar.matches(name, "transfer-encoding")
        {
            throw .conflictingFraming
        }
    }

    private mutating func takePiece(_ remaining: Int) -> [UInt8]? {
        let count = min(remaining, buffer.count - position)
        guard count > 0 else { return nil }
        let piece: [UInt8]
        if position == 0 && count == buffer.count {
            piece = buffer
            buffer = []
        } else {
            piece = Array(buffer[position..<(position + count)])
            position += count
        }
        if position == buffer.count && buffer.capacity > 16 * 1024 {
            buffer = []
            position = 0
        }
        if buffer.isEmpty { position = 0 }
        scanned = position
        return piece
    }

    private mutating func chunkLine() throws(RequestDecodingError) -> ArraySlice<UInt8>? {
        switch try takeLine(limit: limits.chunkLine) {
        case .more: return nil
        case .tooLong: throw .chunkExtensionsTooLarge(limit: limits.chunkLine)
        case .line(let line): return line
        }
    }

    private mutating func chunkSize(
        _ line: ArraySlice<UInt8>
    ) throws(RequestDecodingError) -> Int {
        var size = 0
        var rest = line
        while let byte = rest.first, let digit = FieldGrammar.hexValue(byte) {
            // Fifteen digits cannot overflow, and no limit is that large.
            guard line.count - rest.count < 15 else { throw .chunk }
            size = size << 4 | Int(digit)
            rest.removeFirst()
        }
        guard rest.count < line.count else { throw .chunk }
        extensionBytes += rest.count
        guard extensionBytes <= limits.chunkExtensions else {
            throw .chunkExtensionsTooLarge(limit: limits.chunkExtensions)
        }
        guard ChunkExtensions.areValid(rest) else { throw .chunk }
        bodyBytes += size
        guard bodyBytes <= bodyLimit else { throw .bodyTooLarge(limit: bodyLimit) }
        return size
    }
}

/// The grammar of chunk extensions: `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted ) ] )`.
enum ChunkExtensions {
    static func areValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            skipBlanks(&rest)
            guard rest.popFirst() == 0x3B else { return false }
            skipBlanks(&rest)
            guard takeToken(&rest) else { return false }
            var ahead = rest
            skipBlanks(&ahead)
            guard ahead.first == 0x3D else { continue }
            ahead.removeFirst()
            skipBlanks(&ahead)
            rest = ahead
            guard rest.first == 0x22 ? takeQuoted(&rest) : takeToken(&rest) else { return false }
        }
        return true
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) {
        while let byte = rest.first, FieldGrammar.isBlank(byte) { rest.removeFirst() }
    }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let start = rest.startIndex
        while let byte = rest.first, FieldGrammar.token.contains(byte) { rest.removeFirst() }
        return rest.startIndex > start
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest.removeFirst()
        while let byte = rest.popFirst() {
            if byte == 0x22 { return true }
            guard FieldGrammar.isFieldContent(byte) else { return false }
            if byte == 0x5C {
                guard let next = rest.popFirst(), FieldGrammar.isFieldContent(next) else {
                    return false
                }
            }
        }
        return false
    }
}
