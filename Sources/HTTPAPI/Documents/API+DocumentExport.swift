import DocumentStore
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `GET /documents/export`: all documents, or those that pass `filter`, as JSON lines with their
    /// vectors: a snapshot of one moment.
    func exportDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let filter = try request.query["filter"].map { text throws(APIError) in
            try Self.filter(json: text)
        }
        let export = try await run { () async throws(DocumentError) in
            try await documents.export(filter: filter, parts: DocumentLines.exportedParts)
        }
        return ServerResponse(
            headers: [.contentType: Self.ndjson],
            body: .stream { writer in try await DocumentLines.write(export, to: writer) })
    }
}
