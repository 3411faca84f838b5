import Foundation
package import HTTPTypes

/// A request that the server answers itself, because of the protocol and not of its meaning.
package struct Refusal: Equatable, Sendable {
    /// 400, 408, 413, 414, 417, 431, 500, 501, 503 or 505.
    package var status: HTTPResponse.Status
    /// `Malformed`, `Timeout`, `PayloadTooLarge`, `Unhealthy` or `Internal`.
    package var errorType: String
    /// One sentence for the client.
    package var message: String
    /// The percent-decoded path, when the request line was readable.
    package var path: String?
    /// The request's `x-request-id`, or a new one.
    package var requestID: String
    /// The request's `Origin`, as far as its header was readable.
    package var origin: String?
    /// Whether a handler has answered the request, and this takes its answer's place.
    package var replacesAnswer = false

    /// A refusal of the given parts.
    package init(
        status: HTTPResponse.Status, errorType: String, message: String, path: String?,
        requestID: String, origin: String? = nil
    ) {
        self.status = status
        self.errorType = errorType
        self.message = message
        self.path = path
        self.requestID = requestID
        self.origin = origin
    }

    init(_ error: RequestDecodingError, request: HTTPRequest?) {
        let isTooLarge = error.status == .contentTooLarge
        self.init(
            status: error.status, errorType: isTooLarge ? "PayloadTooLarge" : "Malformed",
            message: error.message, request: request)
    }

    init(
        status: HTTPResponse.Status, errorType: String, message: String, request: HTTPRequest?
    ) {
        self.init(
            status: status, errorType: errorType, message: message,
            path: request?.path.map(RequestTarget.path(of:)),
            requestID: Self.requestID(of: request),
            origin: HTTPField.Name("origin").flatMap { request?.headerFields[$0] })
    }

    static func timeout(_ request: HTTPRequest?) -> Refusal {
        Refusal(
            status: .requestTimeout, errorType: "Timeout",
            message: "the request did not arrive in time", request: request)
    }

    /// The body ended before it was complete: the client left, or the server cut it off to stop.
    static func cutOff(_ request: HTTPRequest?, isStopping: Bool) -> Refusal {
        isStopping
            ? Refusal(
                status: .serviceUnavailable, errorType: "Unhealthy",
                message: "the server is stopping", request: request)
            : Refusal(
                status: .badRequest, errorType: "Malformed", message: "the body ended early",
                request: request)
    }

    static func internalError(_ request: HTTPRequest?) -> Refusal {
        Refusal(
            status: .internalServerError, errorType: "Internal",
            message: "the server could not answer", request: request)
    }

    /// What a request is called in answers and logs: its `x-request-id` of 1 to 128 visible characters,
    /// else a name of its own.
    package static func requestID(of request: HTTPRequest?) -> String {
        if let name = HTTPField.Name("x-request-id"), let given = request?.headerFields[name],
            !given.isEmpty, given.utf8.count <= 128,
            given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        {
            return given
        }
        return UUID().uuidString.lowercased()
    }

    /// The answer in the service's error form: `{"error","error_type","request_id"}`.
    package func response() -> ServerResponse {
        let json =
            "{\"error\":\(Self.quoted(message)),\"error_type\":\(Self.quoted(errorType)),"
            + "\"request_id\":\(Self.quoted(requestID))}"
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        if let name = HTTPField.Name("x-request-id") { headers[name] = requestID }
        return ServerResponse(status: status, headers: headers, body: .bytes(Array(json.utf8)))
    }

    /// `text` as a JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
