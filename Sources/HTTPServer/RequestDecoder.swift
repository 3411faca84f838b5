package import HTTPTypes

/// HTTP/1.1 requests out of bytes (RFC 9112): a pure state machine that does no input or output.
///
/// Bytes go in through ``append(_:)`` as they arrive, cut anywhere; ``next()`` says what they mean.
/// Every byte is looked at a fixed number of times, whatever the cuts. What two parsers could read
/// differently is refused; after a refusal the decoder says nothing else, since the place where the
/// next request would begin is unknown.
package struct RequestDecoder: Sendable {
    /// What the bytes meant.
    package enum Event: Equatable, Sendable {
        /// A whole, checked head.
        case head(RequestHead)
        /// Some of the body; never empty.
        case body([UInt8])
        /// The request is complete; the next one may follow.
        case end
    }

    enum State {
        case requestLine(skippedBlank: Bool)
        case fields
        case fixedBody(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers
        case complete
        case failed(RequestDecodingError)
    }

    let limits: DecoderLimits
    var state = State.requestLine(skippedBlank: false)
    var buffer: [UInt8] = []
    /// Everything before has been consumed.
    var position = 0
    /// No LF lies between `position` and here.
    var scanned = 0
    /// The head as far as it has been read.
    var draft = HeadDraft()
    /// Bytes of header or trailer lines, and their number, so far.
    var blockBytes = 0
    var blockFields = 0
    var bodyLimit = 0
    var bodyBytes = 0
    var extensionBytes = 0

    /// A decoder at the beginning of a connection.
    package init(limits: DecoderLimits = DecoderLimits()) { self.limits = limits }

    /// The request whose head is being read or was read last, as far as it is known.
    package var partialRequest: HTTPRequest? { draft.request }

    /// Whether the decoder stands between two requests and holds no byte of the next.
    package var isIdle: Bool {
        guard case .requestLine(let skipped) = state else { return false }
        return !skipped && position == buffer.count
    }

    /// Whether bytes lie here that no event has covered yet.
    package var hasBufferedBytes: Bool { position < buffer.count }

    /// Takes in bytes as they came from the connection.
    package mutating func append(_ bytes: [UInt8]) {
        if position == buffer.count {
            // A large buffer is given back rather than kept through an idle connection.
            if bytes.count >= buffer.capacity || buffer.capacity > 16 * 1024 {
                buffer = bytes
            } else {
                buffer.removeAll(keepingCapacity: true)
                buffer += bytes
            }
            position = 0
            scanned = 0
            return
        }
        if position >= 4096, position >= buffer.count / 2 {
            buffer.removeFirst(position)
            scanned -= position
            position = 0
        }
        buffer += bytes
    }

    /// The next event, or nil when more bytes are needed.
    /// - Throws: why the request is refused; from then on, the same at every call.
    package mutating func next() throws(RequestDecodingError) -> Event? {
        do {
            return try advance()
        } catch {
            state = .failed(error)
            buffer = []
            position = 0
            scanned = 0
            throw error
        }
    }

    private mutating func advance() throws(RequestDecodingError) -> Event? {
        while true {
            switch state {
            case .failed(let error):
                throw error
            case .requestLine(let skippedBlank):
                guard let line = try requestLine() else { return nil }
                if line.isEmpty && !skippedBlank {
                    state = .requestLine(skippedBlank: true)
                } else {
                    draft = HeadDraft()
                    try draft.readRequestLine(line)
                    beginBlock()
                    state = .fields
                }
            case .fields:
                guard
                    let line = try blockLine(limit: limits.headerBlock, fields: limits.fields)
                else { return nil }
                if line.isEmpty { return try .head(finishHead()) }
                try draft.readField(line)
            case .fixedBody, .chunkSize, .chunkData, .chunkEnd, .trailers:
                guard let event = try advanceBody() else { return nil }
                if let event { return event }
            case .complete:
                state = .requestLine(skippedBlank: false)
                releaseIfEmpty()
                return .end
            }
        }
    }

    private mutating func requestLine() throws(RequestDecodingError) -> ArraySlice<UInt8>? {
        switch try takeLine(limit: limits.requestLine) {
        case .line(let line): return line
        case .more: return nil
        case .tooLong: throw .requestLineTooLong(limit: limits.requestLine)
        }
    }

    /// Begins counting a block of field lines.
    mutating func beginBlock() {
        blockBytes = 0
        blockFields = 0
    }

    /// The next line of a block of at most `limit` bytes and `fields` lines before its empty one.
    mutating func blockLine(
        limit: Int, fields: Int
    ) throws(RequestDecodingError) -> ArraySlice<UInt8>? {
        switch try takeLine(limit: limit - blockBytes - 2) {
        case .more: return nil
        case .tooLong: throw .headerTooLarge(limit: limit)
        case .line(let line):
            blockBytes += line.count + 2
            if !line.isEmpty {
                blockFields += 1
                if blockFields > fields { throw .tooManyFields(limit: fields) }
            }
            return line
        }
    }

    private mutating func finishHead() throws(RequestDecodingError) -> RequestHead {
        bodyLimit = limits.bodyLimit(of: draft.request)
        let head = try draft.finish(bodyLimit: bodyLimit)
        bodyBytes = 0
        extensionBytes = 0
        switch head.framing {
        case .none: state = .complete
        case .length(let count): state = .fixedBody(remaining: count)
        case .chunked: state = .chunkSize
        }
        return head
    }

    enum Line {
        case line(ArraySlice<UInt8>)
        case more
        case tooLong
    }

    /// Consumes one line that ends in CRLF, of at most `limit` bytes without it.
    mutating func takeLine(limit: Int) throws(RequestDecodingError) -> Line {
        var index = scanned
        let end = buffer.count
        while index < end, buffer[index] != 0x0A { index += 1 }
        scanned = index
        guard index < end else {
            // The last byte may be the CR of the line end that is still under way.
            return end - position > limit + 1 ? .tooLong : .more
        }
        guard index - position <= limit + 1 else { return .tooLong }
        guard index > position, buffer[index - 1] == 0x0D else { throw .controlCharacter }
        let line = buffer[position..<(index - 1)]
        position = index + 1
        scanned = position
        return .line(line)
    }

    /// Gives a large buffer back once nothing in it is needed.
    private mutating func releaseIfEmpty() {
        guard position == buffer.count, buffer.capacity > 16 * 1024 else { return }
        buffer = []
        position = 0
        scanned = 0
    }
}
