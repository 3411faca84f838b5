import DocumentStore
import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `GET /store`: what is kept and how it was used.
    func storeStatistics(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let statistics = try await run { () async throws(DocumentError) in
            try await documents.statistics()
        }
        var writer = JSONWriter()
        writer.object { $0.members(of: statistics) }
        return .json(writer)
    }

    /// `POST /store/compact`: gives disk space back that nothing uses.
    func compactStore(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let report = try await run { () async throws(DocumentError) in
            try await documents.compact()
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("bytes_before")
            writer.number(report.bytesBefore)
            writer.key("bytes_after")
            writer.number(report.bytesAfter)
        }
        return .json(writer)
    }
}

extension JSONWriter {
    /// The members of a store's statistics. Times are seconds since 1970, or null.
    mutating func members(of statistics: StoreStatistics) {
        key("documents")
        number(statistics.documents)
        key("passages")
        number(statistics.passages)
        key("documents_with_states")
        number(statistics.documentsWithStates)
        key("text_tokenizer")
        string(statistics.textTokenizer.rawValue)
        key("documents_by_model")
        object { writer in
            let counts = statistics.documentsByModel
                .map { (Hexadecimal.text($0.key), $0.value) }.sorted { $0.0 < $1.0 }
            for (model, count) in counts {
                writer.key(model)
                writer.number(count)
            }
        }
        key("cached_encodings")
        number(statistics.encodings)
        key("cached_bytes")
        number(statistics.payloadBytes)
        key("file_bytes")
        number(statistics.fileBytes)
        key("free_bytes")
        number(statistics.freeBytes)
        key("hits")
        number(statistics.hits)
        key("misses")
        number(statistics.misses)
        key("evictions")
        number(statistics.evictions)
        optionalTime("oldest_cached", statistics.oldest)
        optionalTime("newest_cached", statistics.newest)
        optionalTime("oldest_document", statistics.oldestDocument)
        optionalTime("newest_document", statistics.newestDocument)
    }

    private mutating func optionalTime(_ name: StaticString, _ date: Date?) {
        key(name)
        if let date { time(date) } else { null() }
    }
}
