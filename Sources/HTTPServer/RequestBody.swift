/// Why a request's body could not be read to its end.
package enum RequestBodyError: Error, Equatable, Sendable {
    /// The body is larger than the server, or the caller, takes: 413.
    case tooLarge
    /// The client made no progress for too long: 408.
    case timeout
    /// The client went away, or the server stopped.
    case disconnected
    /// The chunked framing is wrong: 400. The server answers so whatever the handler returns.
    case malformed
}

/// A request's body: pieces of bytes, read from the client only as they are asked for.
///
/// It can be read once; a second iteration goes on where the first stopped.
package struct RequestBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    enum Source: Sendable {
        case bytes([UInt8])
        case pull(@Sendable () async throws -> [UInt8]?)
    }

    let source: Source

    /// A body that lies in memory.
    package init(bytes: [UInt8]) { source = .bytes(bytes) }

    /// A body that `pull` delivers piece by piece, nil at its end.
    package init(pull: @escaping @Sendable () async throws -> [UInt8]?) { source = .pull(pull) }

    /// The pieces of a body.
    package struct AsyncIterator: AsyncIteratorProtocol {
        var source: Source

        /// The next piece, never empty; nil at the end.
        /// - Throws: `RequestBodyError`.
        package mutating func next() async throws -> [UInt8]? {
            switch source {
            case .bytes(let bytes):
                source = .bytes([])
                return bytes.isEmpty ? nil : bytes
            case .pull(let pull):
                return try await pull()
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source) }

    /// The whole body.
    /// - Parameters:
    ///   - limit: the most bytes to take.
    ///   - admit: gets the number of bytes of each piece before it is kept; throws to keep no more.
    /// - Throws: `RequestBodyError`; `.tooLarge` as soon as more than `limit` bytes are there.
    package func collect(
        upTo limit: Int, admit: (Int) throws -> Void = { _ in }
    ) async throws -> [UInt8] {
        var result: [UInt8] = []
        for try await piece in self {
            guard piece.count <= limit - result.count else { throw RequestBodyError.tooLarge }
            try admit(piece.count)
            if result.isEmpty { result = piece } else { result += piece }
        }
        return result
    }
}
