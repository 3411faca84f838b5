package import HTTPTypes

/// How a request's body is delimited (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// `Content-Length`, in bytes, more than zero.
    case length(Int)
    /// `Transfer-Encoding: chunked`.
    case chunked
}

/// A request's head after every check: what remains is what the handler sees, and how to go on.
package struct RequestHead: Equatable, Sendable {
    /// Method, target and header fields.
    package var request: HTTPRequest
    /// How the body is delimited.
    package var framing: BodyFraming
    /// Whether the request came as HTTP/1.0: no chunks in the answer, and the connection closes.
    package var isVersion10: Bool
    /// Whether the client lets the connection live on after the answer.
    package var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package var expectsContinue: Bool
}

/// The bounds of what the decoder takes, in bytes unless said otherwise.
package struct DecoderLimits: Equatable, Sendable {
    /// The request line without its line end.
    package var requestLine = 8 * 1024
    /// The header block, line ends included.
    package var headerBlock = 64 * 1024
    /// Header fields, a count.
    package var fields = 100
    /// The body after chunked decoding.
    package var body = 64 * 1024 * 1024
    /// Decoded paths whose bodies may be of any length, because their handlers read them piece by
    /// piece and bound what they hold themselves. They may answer meanwhile: what a client does not
    /// read before it has sent its body is kept for it.
    package var streamedPaths: Set<String> = []
    /// One chunk's size line.
    package var chunkLine = 1024
    /// Chunk extensions of one body, together.
    package var chunkExtensions = 16 * 1024
    /// The trailer block, line ends included.
    package var trailerBlock = 8 * 1024

    /// The limits that the service documents.
    package init() {}

    /// The bound of the body of `request`. What streams is bounded too, so that sizes can be added
    /// without overflow.
    func bodyLimit(of request: HTTPRequest?) -> Int { isStreamed(request) ? 1 << 59 : body }

    /// Whether the body of `request` is read piece by piece.
    func isStreamed(_ request: HTTPRequest?) -> Bool {
        guard !streamedPaths.isEmpty, let target = request?.path else { return false }
        return streamedPaths.contains(RequestTarget.path(of: target))
    }
}
