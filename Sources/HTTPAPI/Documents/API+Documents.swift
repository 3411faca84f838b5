import DocumentStore
import Foundation
import HTTPServer
import HTTPTypes
import Serving

/// Documents that stay: put, get, list, delete.
extension API {
    /// The most documents in one `POST /documents`; more go through `/documents/import`.
    static let maximumDocuments = 1_000

    /// The most ids in one deletion.
    static let maximumDeletedIDs = 100_000

    /// The most documents in one page of a list.
    static let maximumPage = 1_000

    /// The document service with the model that a request chose in its body or its query, else the
    /// first; or why there is none.
    func documents(
        _ request: ServerRequest, model: String? = nil
    ) throws(APIError) -> DocumentService {
        let encoding = try service(request, model)
        do throws(DocumentError) {
            return try DocumentService(
                encoding: encoding, defaultStates: settings.keptStates, heads: settings.heads)
        } catch {
            throw .document(error)
        }
    }

    /// `PUT /documents/{id}`.
    func putDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(DocumentBody.self, request)
        let documents = try documents(request, model: body.model)
        let (id, cache) = (request.parameters["id"], cachePolicy(request))
        // Long texts are hashed, and large metadata weighed.
        let draft = try await LongWork.run(bytes: body.size, cancelled: .service(.cancelled)) {
            [settings] (_) throws(APIError) in
            try body.draft(id: id, settings: settings, cache: cache)
        }
        return try await kept([draft], isList: false, by: documents)
    }

    /// `POST /documents`: one document or a list.
    func postDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(OneOrMany<DocumentBody>.self, request)
        if body.items.isEmpty { throw .validation(field: "documents", "cannot be empty") }
        let model = body.items[0].model ?? request.query["model"]
        for (index, item) in body.items.enumerated() {
            let other = item.model ?? request.query["model"]
            guard other != model, try service(named: other) !== service(named: model) else {
                continue
            }
            throw .validation(
                field: "documents[\(index)].model",
                "is another than the first document's; a request has one model")
        }
        let documents = try documents(request, model: model)
        let cache = cachePolicy(request)
        let bytes = body.items.reduce(0) { $0 + $1.size }
        let drafts = try await LongWork.run(bytes: bytes, cancelled: .service(.cancelled)) {
            [settings] (_) throws(APIError) in
            try Self.drafts(body, settings, cache)
        }
        return try await kept(drafts, isList: body.isList, by: documents)
    }

    private static func drafts(
        _ body: OneOrMany<DocumentBody>, _ settings: APISettings, _ cache: CachePolicy
    ) throws(APIError) -> [NewDocument] {
        var drafts: [NewDocument] = []
        // By bytes, as the store tells ids apart: strings of Swift are equal in every normal form.
        var places: [[UInt8]: Int] = [:]
        for (index, item) in body.items.enumerated() {
            let field = body.isList ? "documents[\(index)]" : ""
            let draft = try item.draft(field: field, settings: settings, cache: cache)
            if let first = places.updateValue(index, forKey: Array(draft.effectiveID.utf8)) {
                throw .validation(
                    field: "documents[\(index)]", "has the id of documents[\(first)]")
            }
            drafts.append(draft)
        }
        return drafts
    }

    private func kept(
        _ drafts: [NewDocument], isList: Bool, by documents: DocumentService
    ) async throws(APIError) -> ServerResponse {
        func refusal(_ error: DocumentError, _ index: Int, kept: Int) -> APIError {
            isList ? .listedDocument(error, index: index, kept: kept) : .document(error)
        }
        for (index, draft) in drafts.enumerated() {
            do throws(DocumentError) { try documents.check(draft) } catch {
                throw refusal(error, index, kept: 0)
            }
        }
        var timings = EncodingResult.Timings()
        let results = await documents.put(drafts, timings: &timings)
        let receipts = results.compactMap { try? $0.get() }
        for (index, result) in results.enumerated() {
            if case .failure(let error) = result {
                throw refusal(error, index, kept: receipts.count)
            }
        }
        var writer = JSONWriter()
        if isList {
            writer.object { writer in
                writer.key("documents")
                writer.array { writer in
                    for receipt in receipts { writer.object { $0.members(of: receipt) } }
                }
            }
        } else {
            writer.object { $0.members(of: receipts[0]) }
        }
        let isNew = receipts.contains { $0.outcome == .stored }
        var response = ServerResponse.json(writer, status: isNew ? .created : .ok)
        tell(
            EncodingResult(receipts, timings: timings), drafts.map { .text($0.text) },
            &response.headers)
        if !isList, isNew { response.headers[.location] = Self.path(ofDocument: receipts[0].id) }
        return response
    }

    /// The path of a document, every byte escaped that is not plain.
    static func path(ofDocument id: String) -> String {
        var path = "/documents/"
        for byte in id.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                path.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                path += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return path
    }

    /// `GET /documents/{id}`.
    func getDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        var parts: DocumentParts = [.text, .metadata]
        if let include = request.query["include"] {
            parts = try Self.parts(named: include)
        }
        if try request.flag("embedding") ?? false { parts.insert(.vector) }
        if try request.flag("passages") ?? false { parts.insert(.passages) }
        let id = request.parameters["id"] ?? ""
        let document = try await run { () async throws(DocumentError) in
            try await documents.document(id, parts: parts)
        }
        let writer = await JSONWriter.long(bytes: document.estimatedBytes) { writer in
            writer.object { $0.members(of: document) }
        }
        return .json(writer)
    }

    /// `GET /documents`: `filter`, `order`, `limit`, `cursor`, `include`.
    func listDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let limit = try request.integer("limit", in: 1...Self.maximumPage)
        var query = DocumentQuery(limit: limit ?? 100)
        query.cursor = request.query["cursor"]
        if let text = request.query["filter"] { query.filter = try Self.filter(json: text) }
        if let order = request.query["order"] {
            query.isDescending = order.hasPrefix("-")
            let name = query.isDescending ? String(order.dropFirst()) : order
            guard let order = DocumentQuery.Order(rawValue: name) else {
                let names = DocumentQuery.Order.allCases.map(\.rawValue).joined(separator: ", ")
                throw .validation(
                    field: "order",
                    "expected one of \(names), with - before it for the largest first, "
                        + "got \"\(name.prefix(100))\"")
            }
            query.order = order
        }
        if let include = request.query["include"] {
            query.parts = try Self.parts(named: include)
        }
        let page = try await run { () async throws(DocumentError) in
            try await documents.list(query)
        }
        let bytes = page.documents.reduce(0) { $0 + $1.estimatedBytes }
        let writer = await JSONWriter.long(bytes: bytes) { writer in
            writer.object { writer in
                writer.key("documents")
                writer.array { writer in
                    for document in page.documents {
                        writer.object { $0.members(of: document) }
                    }
                }
                writer.key("next")
                writer.optional(page.next)
            }
        }
        return .json(writer)
    }

    /// `DELETE /documents/{id}`.
    func deleteDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let id = request.parameters["id"] ?? ""
        let count = try await run { () async throws(DocumentError) in
            try await documents.delete(ids: [id])
        }
        if count == 0 { throw .document(.notFound(id: id)) }
        return Self.deleted(count)
    }

    /// `POST /documents/delete`: by ids or by filter.
    func deleteDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(DeletionBody.self, request)
        let documents = try documents(request, model: body.model)
        let count: Int
        switch (body.ids, body.filter) {
        case (let ids?, nil):
            if ids.count > Self.maximumDeletedIDs {
                throw .tooMany(field: "ids", count: ids.count, limit: Self.maximumDeletedIDs)
            }
            count = try await run { () async throws(DocumentError) in
                try await documents.delete(ids: ids.map(\.text))
            }
        case (nil, let filter?):
            let filter = try Self.filter(filter)
            if filter.isAlwaysTrue, body.all != true {
                throw .validation(
                    field: "filter", "lets every document through; with all: true they are deleted")
            }
            count = try await run { () async throws(DocumentError) in
                try await documents.delete(filter: filter)
            }
        default: throw .validation(field: "filter", "expected either filter or ids")
        }
        return Self.deleted(count)
    }

    private static func deleted(_ count: Int) -> ServerResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("deleted")
            writer.number(count)
        }
        return .json(writer)
    }

    /// Runs the document service, turning its errors into the API's.
    func run<Value: Sendable>(
        _ work: () async throws(DocumentError) -> Value
    ) async throws(APIError) -> Value {
        do { return try await work() } catch { throw .document(error) }
    }

    /// A filter out of a query's JSON text.
    static func filter(json: String) throws(APIError) -> MetadataFilter {
        let value: MetadataValue
        do {
            value = try MetadataValue(json: json)
        } catch {
            throw .validation(field: "filter" + error.place, error.reason)
        }
        return try filter(value)
    }

    /// A filter out of a body's value.
    static func filter(_ value: MetadataValue) throws(APIError) -> MetadataFilter {
        do { return try MetadataFilter(value) } catch {
            throw .validation(field: error.path, error.reason)
        }
    }

    /// The same of names with commas between them.
    private static func parts(named include: String) throws(APIError) -> DocumentParts {
        try parts(include.split(separator: ",").map(String.init), field: "include")
    }

    /// Which parts of documents are answered, by their names.
    static func parts(_ names: [String], field: String) throws(APIError) -> DocumentParts {
        var parts: DocumentParts = []
        for name in names {
            switch name {
            case "text": parts.insert(.text)
            case "metadata": parts.insert(.metadata)
            case "embedding": parts.insert(.vector)
            case "passages": parts.insert(.passages)
            default:
                throw .validation(
                    field: field,
                    "expected text, metadata, embedding or passages, got \"\(name.prefix(100))\"")
            }
        }
        return parts
    }
}

extension EncodingResult {
    /// What came of documents, those left out that went meanwhile.
    init(_ receipts: [DocumentReceipt], timings: Timings) {
        let receipts = receipts.filter { $0.usage != nil }
        self.init(
            usage: receipts.compactMap(\.usage), found: receipts.map { !$0.isEncoded },
            timings: timings)
    }
}

extension DocumentBody: BoundedInLists {
    static func check(count: Int) throws(APIError) {
        guard count > API.maximumDocuments else { return }
        throw .tooMany(
            field: "documents", count: count, limit: API.maximumDocuments,
            hint: ", and /documents/import takes any number")
    }
}
