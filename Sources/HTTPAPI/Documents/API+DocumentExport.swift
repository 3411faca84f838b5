import DocumentStore
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// The most exports at once: each holds two files open, and the store's log from being emptied.
    static let maximumExports = 4

    /// `GET /documents/export`: all documents, or those that pass `filter`, as JSON lines with their
    /// vectors: a snapshot of one moment. Damaged documents are left out, and the log names them.
    func exportDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let filter = try request.query["filter"].map { text throws(APIError) in
            try Self.filter(json: text)
        }
        let share = SharedBudget.Share(of: exports)
        guard share.take(1) else { throw .exportsFull(Self.maximumExports) }
        let export = try await run { () async throws(DocumentError) in
            try await documents.export(filter: filter, parts: DocumentLines.exportedParts)
        }
        return ServerResponse(
            headers: [.contentType: Self.ndjson],
            body: .stream { writer in
                defer { withExtendedLifetime(share) {} }
                let damaged = try await DocumentLines.write(export, to: writer)
                if damaged > 0 {
                    RequestContext.current?.record.failed("damaged, left out: \(damaged)")
                }
            })
    }
}
