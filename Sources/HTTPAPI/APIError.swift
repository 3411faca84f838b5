import HTTPServer
package import HTTPTypes
package import Serving

/// Everything a request can be refused for.
package enum APIError: Error, Sendable {
    /// The body is not JSON, or the framing broke.
    case malformed(String)
    /// The client left, or was cut off, before all of its body was here.
    case cutOff
    /// No key of the server's; `given` says whether there was another.
    case unauthorized(given: Bool)
    case notFound(String)
    case method(allowed: [HTTPRequest.Method])
    case timeout
    case payloadTooLarge(limit: Int, of: String = "the body")
    /// The bodies of other requests leave no room for this one's, of so many bytes.
    case bodiesFull(Int)
    /// The answers that other clients have not read yet leave no room for this one.
    case answersFull(Int)
    /// As many exports are being read as may be.
    case exportsFull(Int)
    case contentType(String?, expected: String)
    /// The body is coded, gzip for one.
    case contentEncoding(String)
    /// A field has the wrong type or value; `field` names it.
    case validation(field: String, String)
    /// A list with more entries than a request may have.
    case tooMany(field: String, count: Int, limit: Int, hint: String = "")
    /// The model is being loaded, or the server is draining.
    case unavailable(String)
    /// The texts could not be encoded; the names are those that the request has for them.
    case service(ServiceError, InputNames = InputNames("inputs"))
    case document(DocumentError)
    /// One of a list's documents was not kept, and so many of the others were.
    case listedDocument(DocumentError, index: Int, kept: Int)
    case `internal`(any Error)
}

extension APIError {
    /// What a stop ends a request with.
    static let stopping = APIError.unavailable("the server is stopping")

    var isCutOff: Bool { if case .cutOff = self { true } else { false } }
}

/// A refusal as HTTP knows it: where the service's errors become status codes.
struct Refused {
    let status: HTTPResponse.Status
    let type: String
    var message: String
    var field: String?
    var retryAfter: Int?
    var allowed: [HTTPRequest.Method] = []
    var challenge: String?
    /// text-embeddings-inference's `err` label: what it has a word for, and ours for the rest.
    var reason: String

    init(_ error: APIError) {
        switch error {
        case .malformed(let reason):
            self.init(.badRequest, "Malformed", reason)
        case .cutOff:
            self.init(.badRequest, "Malformed", "the body ended early")
        case .unauthorized(let given):
            self.init(
                .unauthorized, "Unauthorized",
                given
                    ? "the key is not one of this server's"
                    : "a key is missing; send it as Authorization: Bearer KEY")
            challenge = #"Bearer realm="bigs""# + (given ? #", error="invalid_token""# : "")
        case .notFound(let what):
            self.init(.notFound, "NotFound", what)
        case .method(let allowed):
            self.init(
                .methodNotAllowed, "Method",
                "this route takes \(allowed.map(\.rawValue).joined(separator: ", "))")
            self.allowed = allowed
        case .timeout:
            self.init(.requestTimeout, "Timeout", "the request's body came too slowly")
        case .payloadTooLarge(let limit, let name):
            self.init(
                .contentTooLarge, "PayloadTooLarge", "\(name) has more than \(limit) bytes")
        case .bodiesFull(let limit):
            self.init(
                .tooManyRequests, "Overloaded",
                "the bodies of the requests that are being answered have \(limit) bytes together; "
                    + "try again")
            retryAfter = 1
        case .answersFull(let limit):
            self.init(
                .tooManyRequests, "Overloaded",
                "the answers that are being sent have \(limit) bytes together; try again")
            retryAfter = 1
        case .exportsFull(let limit):
            self.init(
                .tooManyRequests, "Overloaded",
                "\(limit) exports are being read; try again when one has ended")
            retryAfter = 5
        case .contentType(let type, let expected):
            self.init(
                .unsupportedMediaType, "ContentType",
                "the content type must be \(expected), not \(type ?? "missing")")
        case .contentEncoding(let coding):
            self.init(
                .unsupportedMediaType, "ContentType",
                "the body's Content-Encoding is \(coding.prefix(100)); only identity is read")
        case .validation(let field, let reason):
            self.init(.unprocessableContent, "Validation", "\(field): \(reason)")
            self.field = field
        case .tooMany(let field, let count, let limit, let hint):
            self.init(
                .unprocessableContent, "Validation",
                "\(field): has \(count) entries; at most \(limit) are allowed\(hint)")
            self.field = field
            reason = "batch_size"
        case .unavailable(let reason):
            self.init(.serviceUnavailable, "Unhealthy", reason)
            retryAfter = 1
        case .service(let error, let names): self.init(error, names)
        case .document(let error): self.init(error)
        case .listedDocument(let error, let index, let kept):
            self.init(error, index: index, kept: kept)
        case .internal:
            self.init(.internalServerError, "Internal", "an internal error; the log has more")
        }
    }

    private init(_ error: ServiceError, _ names: InputNames) {
        let name = error.input.map { names[$0] }
        let message = error.text(input: name ?? "", truncate: "truncate: true")
        switch error {
        case .overloaded(_, let seconds):
            self.init(.tooManyRequests, "Overloaded", message)
            retryAfter = seconds
        case .tokenizer:
            self.init(.unprocessableContent, "Validation", message)
            field = name
            reason = "tokenization"
        case .textTooLong, .unknownToken, .emptyInput:
            self.init(.unprocessableContent, "Validation", message)
            field = name
        case .unsupported(let field, let reason):
            let own = names.named(field)
            self.init(.unprocessableContent, "Validation", "\(own): \(reason)")
            self.field = own
        case .unfit(_, let field, _):
            self.init(.unprocessableContent, "Validation", message)
            self.field = field
        case .model: self.init(.unprocessableContent, "Validation", message)
        case .headMissing:
            self.init(.init(code: 424, reasonPhrase: "Failed Dependency"), "Backend", message)
        case .notCached:
            self.init(.gatewayTimeout, "NotCached", message)
            field = name
        case .notFinite: self.init(.internalServerError, "Internal", message)
        // As gRPC's DEADLINE_EXCEEDED maps to HTTP, and as proxies answer for slow servers.
        case .deadlinePassed: self.init(.gatewayTimeout, "Timeout", message)
        case .cancelled, .shuttingDown:
            self.init(.serviceUnavailable, "Unhealthy", message)
            retryAfter = 1
        }
    }

    init(_ status: HTTPResponse.Status, _ type: String, _ message: String) {
        self.status = status
        self.type = type
        self.message = message
        reason =
            switch type {
            case "Backend": "model_type"
            case "Internal": "inference"
            case "Unhealthy", "Timeout": "dropped"
            default: type.lowercased()
            }
    }

    /// The answer: our own shape, or OpenAI's under `/v1/`.
    func response(requestID: String, openAI: Bool) -> ServerResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("error")
            if openAI {
                writer.object { writer in
                    writer.key("message")
                    writer.string(message)
                    writer.key("type")
                    writer.string(openAIType)
                    writer.key("param")
                    writer.optional(field)
                    writer.key("code")
                    writer.string(type)
                }
            } else {
                writer.string(message)
                writer.key("error_type")
                writer.string(type)
                writer.key("request_id")
                writer.string(requestID)
            }
        }
        var response = ServerResponse.json(writer, status: status)
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        if let challenge { response.headers[.wwwAuthenticate] = challenge }
        if !allowed.isEmpty {
            response.headers[.allow] = allowed.map(\.rawValue).joined(separator: ", ")
        }
        return response
    }

    private var openAIType: String {
        switch status.code {
        case 401: "authentication_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }
}

extension ServerResponse {
    /// An answer with a JSON body.
    static func json(_ writer: JSONWriter, status: HTTPResponse.Status = .ok) -> ServerResponse {
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        return ServerResponse(status: status, headers: headers, body: .bytes(writer.bytes))
    }
}
