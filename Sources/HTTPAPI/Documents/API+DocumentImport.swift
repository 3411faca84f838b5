import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// The type of what streams line by line.
    static let ndjson = "application/x-ndjson"

    /// Paths whose bodies are of any length.
    package static let streamedPaths: Set<String> = ["/documents/import"]

    /// `POST /documents/import`.
    func importDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let reportsAll: Bool
        switch request.query["results"] {
        case nil, "all": reportsAll = true
        case "errors": reportsAll = false
        case .some(let value):
            throw .validation(
                field: "results", "expected all or errors, got \"\(value.prefix(100))\"")
        }
        let share = SharedBudget.Share(of: bodies)
        // Until the last line's result is out.
        RequestContext.current?.record.hold(share)
        let work = DocumentImport(
            documents: documents, settings: settings,
            maximumLineBytes: settings.maximumLineBytes, reportsAll: reportsAll,
            cache: cachePolicy(request), share: share,
            note: { [metrics, name = documents.model.name] in
                metrics.encoded(.init($0), by: name)
            },
            checkReadiness: { [readiness] () throws(APIError) in _ = try readiness.service() })
        return ServerResponse(
            headers: [.contentType: Self.ndjson],
            body: .stream { [body = request.body] writer in
                try await work.run(body, to: writer)
            })
    }
}
