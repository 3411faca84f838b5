package import HTTPTypes

/// Why a request was refused before any handler saw it.
package enum RequestDecodingError: Error, Equatable, Sendable {
    /// A line ends with a bare LF, or holds a bare CR, a NUL or another control character.
    case controlCharacter
    /// The request line is not `method SP target SP version`.
    case requestLine
    /// The target is not in a form that RFC 9112 section 3.2 allows for the method.
    case target
    /// The target's escapes decode to something that is not UTF-8, or to NUL.
    case targetEncoding
    /// The request line is longer than `limit` bytes.
    case requestLineTooLong(limit: Int)
    /// The header block, or a trailer block, is larger than `limit` bytes.
    case headerTooLarge(limit: Int)
    /// There are more than `limit` header fields, or trailer fields.
    case tooManyFields(limit: Int)
    /// A field name is empty, holds a byte that is no `tchar`, or the colon is missing.
    case fieldName
    /// A field value holds a control character or is not UTF-8.
    case fieldValue(name: String)
    /// A line begins with a blank: obsolete line folding.
    case foldedLine
    /// HTTP/1.1 without `Host`, two of them, a malformed one, or one that contradicts the target.
    case host
    /// `Content-Length` is not one number of digits only, or is given twice.
    case contentLength
    /// `Content-Length` with `Transfer-Encoding`, or `Transfer-Encoding` in HTTP/1.0.
    case conflictingFraming
    /// `Transfer-Encoding` is malformed, repeated, or does not end in `chunked`.
    case transferEncoding
    /// A transfer coding or a method that this server does not implement.
    case notImplemented(String)
    /// A version that is not HTTP/1.
    case version
    /// An expectation other than `100-continue`.
    case expectation
    /// The body is, or was about to become, larger than `limit` bytes.
    case bodyTooLarge(limit: Int)
    /// A chunk's size line is malformed or its data does not end where it says.
    case chunk
    /// The chunk extensions of one body are larger than `limit` bytes.
    case chunkExtensionsTooLarge(limit: Int)

    /// The status that the refusal is sent with.
    package var status: HTTPResponse.Status {
        switch self {
        case .requestLineTooLong: .uriTooLong
        case .headerTooLarge, .tooManyFields: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .notImplemented: .notImplemented
        case .version: .httpVersionNotSupported
        case .expectation: .expectationFailed
        default: .badRequest
        }
    }

    /// One sentence for the client.
    package var message: String {
        switch self {
        case .controlCharacter: "a bare CR, a bare LF or a control character in the header"
        case .requestLine: "the request line is malformed"
        case .target: "the request target is malformed"
        case .targetEncoding: "the request target does not decode to UTF-8 without NUL"
        case .requestLineTooLong(let limit): "the request line is longer than \(limit) bytes"
        case .headerTooLarge(let limit): "the header block is larger than \(limit) bytes"
        case .tooManyFields(let limit): "there are more than \(limit) header fields"
        case .fieldName: "a header field name is malformed"
        case .fieldValue(let name): "the value of header field \(name) is malformed"
        case .foldedLine: "a header field is folded over several lines"
        case .host: "exactly one valid Host header field is required"
        case .contentLength: "Content-Length must be given once, as digits only"
        case .conflictingFraming: "Content-Length and Transfer-Encoding contradict each other"
        case .transferEncoding: "Transfer-Encoding must be exactly \"chunked\""
        case .notImplemented(let what): "\(what) is not implemented"
        case .version: "only HTTP/1.1 and HTTP/1.0 are supported"
        case .expectation: "the only expectation supported is 100-continue"
        case .bodyTooLarge(let limit): "the body is larger than \(limit) bytes"
        case .chunk: "the chunked body is malformed"
        case .chunkExtensionsTooLarge(let limit): "chunk extensions exceed \(limit) bytes"
        }
    }
}
