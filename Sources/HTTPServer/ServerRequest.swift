package import HTTPTypes

/// A request whose head has passed every check, with a body that is read as the handler asks.
package struct ServerRequest: Sendable {
    /// Method, target and header fields. `head.path` is the target as sent: escaped, with query.
    package var head: HTTPRequest
    /// The body; it has no elements when the request carries none.
    package var body: RequestBody
    /// The client's address, such as `127.0.0.1:50000` or `[::1]:50000`; nil on a Unix socket.
    package var remoteAddress: String?
    /// What the router found in the path: of `/documents/{id}` the decoded `id`.
    package var parameters: [String: String] = [:]

    /// A request, for a handler to answer.
    package init(head: HTTPRequest, body: RequestBody, remoteAddress: String? = nil) {
        self.head = head
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// The percent-decoded path without the query.
    package var path: String { RequestTarget.path(of: head.path ?? "/") }

    /// The path's segments, each decoded after the split: `/a%2Fb/c` has two.
    package var pathSegments: [String] { RequestTarget.segments(of: head.path ?? "/") }

    /// The decoded query. Of a name given twice the last value holds; a name alone has "".
    package var query: [String: String] { RequestTarget.query(of: head.path ?? "/") }
}
