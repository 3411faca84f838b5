import HTTPServer
import HTTPTypes

/// Which web pages may use the service from a browser (CORS, Fetch standard section 3.3).
package struct CrossOrigin: Sendable, Equatable {
    /// An origin that is none.
    package struct BadOrigin: Error, CustomStringConvertible {
        let origin: String
        package var description: String {
            "expected * or an origin such as https://example.org, without path or closing slash, "
                + "got \"\(origin.prefix(200))\""
        }
    }

    private let origins: Set<String>
    private let any: Bool

    /// No page of another origin.
    package static let none = CrossOrigin(origins: [], any: false)

    /// Pages of these origins; `*` stands for all.
    /// - Throws: ``BadOrigin``.
    package init(_ origins: [String]) throws(BadOrigin) {
        for origin in origins where origin != "*" && !Self.isOrigin(origin) {
            throw BadOrigin(origin: origin)
        }
        self.init(origins: Set(origins.map { $0.lowercased() }), any: origins.contains("*"))
    }

    private init(origins: Set<String>, any: Bool) {
        self.origins = origins
        self.any = any
    }

    /// Scheme, host and perhaps a port, as a browser sends them.
    private static func isOrigin(_ text: String) -> Bool {
        let parts = text.lowercased().split(separator: "://", omittingEmptySubsequences: false)
        guard parts.count == 2, ["http", "https"].contains(parts[0]), !parts[1].isEmpty else {
            return false
        }
        return parts[1].utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || ".-:[]".utf8.contains($0)
        }
    }

    private var isOff: Bool { origins.isEmpty && !any }

    /// Whether a request asks what it would be allowed to do.
    static func isPreflight(_ request: ServerRequest) -> Bool {
        request.head.method == .options && request.head.headerFields[.origin] != nil
            && request.head.headerFields[.accessControlRequestMethod] != nil
    }

    /// The answer to a preflight for a path with `methods`; nil where no page is allowed at all. A page
    /// that may ask may send any header: clients add their own.
    func preflight(
        _ request: ServerRequest, methods: [HTTPRequest.Method]
    ) -> ServerResponse? {
        if isOff { return nil }
        var response = ServerResponse(status: .noContent)
        response.headers[.accessControlAllowMethods] =
            methods.map(\.rawValue).joined(separator: ", ")
        // `*` would not stand for Authorization.
        var names = [
            "authorization", "content-type", "cache-control", "x-request-id", "x-request-timeout",
            "traceparent",
        ]
        let wanted = request.head.headerFields[.accessControlRequestHeaders] ?? ""
        for name in wanted.lowercased().split(whereSeparator: { ", \t".contains($0) }).prefix(100) {
            if let field = HTTPField.Name(String(name)), !names.contains(field.canonicalName) {
                names.append(field.canonicalName)
            }
        }
        response.headers[.accessControlAllowHeaders] = names.joined(separator: ", ")
        response.headers[.accessControlMaxAge] = "600"
        response.headers[.vary] = "Access-Control-Request-Method, Access-Control-Request-Headers"
        return response
    }

    /// Lets the page that asked, by its `Origin`, read the answer, its headers included, if it is one of
    /// those.
    func allow(_ response: inout ServerResponse, for origin: String?) {
        if isOff { return }
        if any {
            response.headers[.accessControlAllowOrigin] = "*"
        } else {
            // The answer differs by origin, also for requests that have none: caches must know.
            let vary = response.headers[.vary].map { $0 + ", Origin" } ?? "Origin"
            response.headers[.vary] = vary
            guard let origin, origins.contains(origin.lowercased()) else {
                response.headers[.accessControlAllowMethods] = nil
                response.headers[.accessControlAllowHeaders] = nil
                response.headers[.accessControlMaxAge] = nil
                return
            }
            response.headers[.accessControlAllowOrigin] = origin
        }
        response.headers[.accessControlExposeHeaders] = Self.exposed
    }

    private static let exposed =
        [
            "x-request-id", "x-cache", "age", "x-total-time", "x-tokenization-time",
            "x-queue-time", "x-inference-time", "x-compute-tokens", "x-compute-characters",
            "x-input-tokens", "x-truncated-inputs", "x-scoring", "location", "allow",
            "www-authenticate", "retry-after", "traceparent",
        ].joined(separator: ", ")
}
