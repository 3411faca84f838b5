import HTTPServer
import HTTPTypes

/// One line of the routing table.
///
///     .post("/embed", API.embed)
///     .get("/documents/{id}", API.getDocument)
///     .post("/documents/import", takes: .ndjson, API.importDocuments)
///
/// A handler is a method of ``API`` that takes the request and gives the answer, or throws an
/// ``APIError``. It finds the path's parameters in `request.parameters`, the query in
/// `request.query` (see `QueryParameters.swift` for typed access) and the body, read as it asks for
/// it, in `request.body`; ``API/decode(_:_:)`` reads a JSON body whole. An answer of any length is
/// a `ResponseBody.stream`. What is common to all routes happens around it, in ``API/answer(_:)``.
///
/// Every route is described in `OpenAPI…` too; a test compares the two.
struct Route: Sendable {
    typealias Handler =
        @Sendable (API) -> @Sendable (ServerRequest) async throws(APIError) -> ServerResponse

    /// What a route reads from the body; another content type is refused with 415.
    enum Input: String, Sendable {
        case nothing
        case json = "application/json"
        case ndjson = "application/x-ndjson"
    }

    /// Who may ask, when the server has keys.
    enum Access: Sendable {
        case key
        /// Anybody: what probes and scrapers need, and what tells nothing about texts.
        case open
    }

    let method: HTTPRequest.Method
    let pattern: PathPattern
    let input: Input
    let access: Access
    let handler: Handler
    /// What the `te_*` metrics count its inputs as; nothing, if not said.
    private(set) var work = Work.none

    /// The names that its query may have; nil is any.
    private(set) var queryNames: Set<String>?

    /// The route, with a query of these names at most and `model`: what is misspelt is refused, since
    /// an answer without it would be another than was asked for.
    func query(_ names: String...) -> Route {
        var route = self
        route.queryNames = Set(names + ["model"])
        return route
    }

    /// What a route does with texts.
    enum Work: Sendable {
        case none
        case embedding
        case scoring
    }

    /// The route, counted as one that embeds texts.
    var embedding: Route { counted(as: .embedding) }

    /// The route, counted as one that classifies or ranks texts.
    var scoring: Route { counted(as: .scoring) }

    private func counted(as work: Work) -> Route {
        var route = self
        route.work = work
        return route
    }

    static func get(
        _ pattern: PathPattern, access: Access = .key, _ handler: @escaping Handler
    ) -> Route {
        Route(method: .get, pattern: pattern, input: .nothing, access: access, handler: handler)
    }

    static func delete(_ pattern: PathPattern, _ handler: @escaping Handler) -> Route {
        Route(method: .delete, pattern: pattern, input: .nothing, access: .key, handler: handler)
    }

    static func post(
        _ pattern: PathPattern, takes input: Input = .json, _ handler: @escaping Handler
    ) -> Route {
        Route(method: .post, pattern: pattern, input: input, access: .key, handler: handler)
    }

    static func put(
        _ pattern: PathPattern, takes input: Input = .json, _ handler: @escaping Handler
    ) -> Route {
        Route(method: .put, pattern: pattern, input: input, access: .key, handler: handler)
    }
}
