import Foundation
import GRDB

extension EncodingStore {
    /// All documents, or those that pass the filter, as they are at this moment, whatever is
    /// written while they are read. The snapshot holds the log back from being emptied: read on, or
    /// close it.
    package func export(
        where filter: MetadataFilter? = nil, parts: DocumentParts, model: [UInt8]? = nil
    ) async throws(StoreError) -> DocumentExport {
        _ = try current()
        do {
            return try await DocumentExport(
                path: path, filter: filter, parts: parts, model: model,
                busyTimeout: options.busyTimeout)
        } catch {
            throw noted(StoreError(error, path: path))
        }
    }
}

/// A consistent snapshot of documents, read piece by piece on a connection of its own.
package final class DocumentExport: Sendable {
    private let queue: DatabaseQueue
    private let path: String
    private let filter: MetadataFilter?
    private let parts: DocumentParts
    private let model: [UInt8]?

    /// How many documents `next` answers at once.
    private static let pieceCount = 64

    init(
        path: String, filter: MetadataFilter?, parts: DocumentParts, model: [UInt8]?,
        busyTimeout: Double
    ) async throws {
        self.path = path
        self.filter = filter
        self.parts = parts
        self.model = model
        var configuration = Configuration()
        configuration.label = "export"
        configuration.readonly = true
        configuration.busyMode = .timeout(busyTimeout)
        // The transaction goes on from call to call.
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try await queue.writeWithoutTransaction { db in
            try db.beginTransaction(.deferred)
            // A snapshot begins with the first read.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM model")
        }
    }

    deinit { try? queue.close() }

    /// How many documents there are in all.
    package func count() async throws(StoreError) -> Int {
        var sql = Fragment(sql: "SELECT count(*) FROM document AS d")
        if let filter {
            sql.append(Fragment(sql: " WHERE "))
            sql.append(filter.condition(on: "d.id"))
        }
        return try await onQueue { [sql] db in
            try Int.fetchOne(db, sql: sql.sql, arguments: sql.arguments) ?? 0
        }
    }

    /// The next documents by their ids, at least one and a few megabytes at most; empty at the end.
    /// - Parameter id: the last document of the piece before; nil starts.
    package func next(after id: String?) async throws(StoreError) -> [StoredDocument] {
        var sql = Fragment(sql: "SELECT \(DocumentReader.columns) FROM document AS d WHERE 1")
        if let id { sql.append(Fragment(sql: " AND d.name > ?", values: [id])) }
        if let filter {
            sql.append(Fragment(sql: " AND "))
            sql.append(filter.condition(on: "d.id"))
        }
        sql.append(Fragment(sql: " ORDER BY d.name LIMIT ?", values: [Self.pieceCount]))
        return try await onQueue { [sql, path, parts, model] db in
            let reader = try DocumentReader(db, path: path, parts: parts, fingerprint: model)
            let rows = try Row.fetchCursor(db, sql: sql.sql, arguments: sql.arguments)
            var documents: [StoredDocument] = []
            var bytes = 0
            while bytes < StoredDocument.readingLimit, let row = try rows.next() {
                let document = try reader.document(row)
                bytes += document.estimatedBytes
                documents.append(document)
            }
            return documents
        }
    }

    private func onQueue<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        do {
            return try await queue.writeWithoutTransaction(body)
        } catch {
            throw StoreError(error, path: path)
        }
    }
}
