import HTTPServer
import HTTPTypes

/// Finds the route of a request.
///
/// A pattern without parameters comes first, for its own method: `GET /a/export` is never the `{id}` of
/// `GET /a/{id}`, and `DELETE /a/export` is that of `DELETE /a/{id}`.
struct Router: Sendable {
    /// What a path leads to.
    enum Match {
        case route(Route, parameters: [String: String])
        /// The path exists, for these methods.
        case otherMethods([HTTPRequest.Method])
        case nothing
    }

    private let literal: [String: [Route]]
    private let patterned: [Route]

    init(_ routes: [Route]) {
        literal = Dictionary(grouping: routes.filter(\.pattern.isLiteral)) {
            $0.pattern.description
        }
        patterned = routes.filter { !$0.pattern.isLiteral }
    }

    /// The methods that a path takes; none where there is no such path.
    func methods(of request: ServerRequest) -> [HTTPRequest.Method] {
        var request = request
        // No route takes TRACE, so that the answer is all that there are.
        request.head.method = .trace
        if case .otherMethods(let methods) = match(request) { return methods }
        return []
    }

    /// The route for a method and a path. HEAD is GET without the body, which the HTTP layer
    /// leaves out.
    func match(_ request: ServerRequest) -> Match {
        let method = request.head.method == .head ? .get : request.head.method
        let named = literal[request.path] ?? []
        if let route = named.first(where: { $0.method == method }) {
            return .route(route, parameters: [:])
        }
        let segments = request.pathSegments
        var allowed: [HTTPRequest.Method] = []
        for route in patterned {
            guard let parameters = route.pattern.match(segments) else { continue }
            if route.method == method { return .route(route, parameters: parameters) }
            allowed += Self.methods(of: route)
        }
        // Of a path that is described by itself, what is described.
        if !named.isEmpty { allowed = named.flatMap(Self.methods) }
        return allowed.isEmpty ? .nothing : .otherMethods(allowed)
    }

    private static func methods(of route: Route) -> [HTTPRequest.Method] {
        route.method == .get ? [.get, .head] : [route.method]
    }
}
