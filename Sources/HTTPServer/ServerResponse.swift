package import HTTPTypes

/// An answer. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's.
package struct ServerResponse: Sendable {
    /// A final status, 200 to 599.
    package var status: HTTPResponse.Status
    /// The handler's own header fields.
    package var headers: HTTPFields
    /// What follows the head. To HEAD, and with 204 and 304, nothing is sent.
    package var body: ResponseBody
    /// What is let go when the answer has been sent, or could not be: its part of some memory.
    package var held: (any Sendable)?

    /// An answer of the given parts.
    package init(
        status: HTTPResponse.Status = .ok, headers: HTTPFields = HTTPFields(),
        body: ResponseBody = .bytes([])
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The body of an answer.
package enum ResponseBody: Sendable {
    /// Bytes of known length.
    case bytes([UInt8])
    /// Pieces that the closure writes as they come into being: chunked, with back-pressure.
    ///
    /// The head leaves with the first piece. When the closure throws before that, the client gets
    /// a 500; when it throws later, the connection closes without the last chunk.
    case stream(@Sendable (BodyWriter) async throws -> Void)
}

/// Why a piece of an answer could not be written.
package enum BodyWriterError: Error, Equatable, Sendable {
    /// The client went away, or the server stopped.
    case disconnected
    /// The client took no bytes for too long.
    case timeout
    /// The closure that the writer was made for has returned.
    case finished
}

/// Where a streamed answer is written.
package struct BodyWriter: Sendable {
    let send: @Sendable ([UInt8]) async throws -> Void

    /// A writer that hands every piece to `send`: for calling a streaming handler without a server.
    package init(send: @escaping @Sendable ([UInt8]) async throws -> Void) { self.send = send }

    /// Sends one piece and waits until the connection has taken it; on
    /// ``DecoderLimits/streamedPaths``, a connection takes it as long as the request's body is
    /// not at its end, whether the client reads or not. An empty one sends nothing.
    /// - Throws: `BodyWriterError`.
    package func write(_ bytes: [UInt8]) async throws {
        if bytes.isEmpty { return }
        try await send(bytes)
    }

    /// Sends the UTF-8 of `text` as one piece.
    /// - Throws: `BodyWriterError`.
    package func write(_ text: String) async throws { try await write(Array(text.utf8)) }
}
