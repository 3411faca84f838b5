import Foundation
import GRDB

extension EncodingStore {
    /// All documents, or those that pass the filter, as they are at this moment, whatever is
    /// written while they are read. The snapshot holds the log back from being emptied: read on, or
    /// close it.
    /// - Parameters:
    ///   - model: the fingerprint of the model whose encodings are read; nil is each document's newest.
    ///   - orNewest: whether the newest is read where that model has none.
    package func export(
        where filter: MetadataFilter? = nil, parts: DocumentParts, model: [UInt8]? = nil,
        orNewest: Bool = false
    ) async throws(StoreError) -> DocumentExport {
        _ = try current()
        do {
            return try await DocumentExport(
                path: path, filter: filter, busyTimeout: options.busyTimeout
            ) { [path] db in
                try DocumentReader(
                    db, path: path, parts: parts, fingerprint: model, orNewest: orNewest)
            }
        } catch {
            throw noted(StoreError(error, path: path))
        }
    }
}

/// A consistent snapshot of documents, read piece by piece on a connection of its own.
package final class DocumentExport: Sendable {
    private let queue: DatabaseQueue
    private let path: String
    private let isFiltered: Bool
    private let reader: @Sendable (Database) throws -> DocumentReader

    /// How many documents `next` answers at once.
    private static let pieceCount = 64

    init(
        path: String, filter: MetadataFilter?, busyTimeout: Double,
        reader: @escaping @Sendable (Database) throws -> DocumentReader
    ) async throws {
        self.path = path
        self.reader = reader
        isFiltered = filter != nil
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
            if let filter { try Self.gather(filter, in: db) }
        }
    }

    deinit { try? queue.close() }

    /// Notes once, in a table of the connection's own, which documents pass: each piece is then a step
    /// along it and not a search of all of them.
    static func gather(_ filter: MetadataFilter, in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TEMP TABLE passing (name TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID
                """)
        var sql = Fragment(
            sql: "INSERT INTO passing (name, id) SELECT d.name, d.id FROM document AS d WHERE ")
        sql.append(filter.condition(on: "d.id"))
        sql.append(Fragment(sql: " ORDER BY d.name"))
        try db.execute(sql: sql.sql, arguments: sql.arguments)
    }

    /// How many documents there are in all.
    package func count() async throws(StoreError) -> Int {
        let table = isFiltered ? "passing" : "document"
        return try await onQueue { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0
        }
    }

    /// The next documents by their ids, at least one and a few megabytes at most; empty at the end.
    /// - Parameter id: the last document of the piece before; nil starts.
    package func next(after id: String?) async throws(StoreError) -> [StoredDocument] {
        let piece = Self.piece(after: id, isFiltered: isFiltered)
        return try await onQueue { [reader, path] db in
            let reader = try reader(db)
            let rows = try Row.fetchCursor(db, sql: piece.sql, arguments: piece.arguments)
            var documents: [StoredDocument] = []
            var bytes = 0
            while bytes < StoredDocument.readingLimit, let row = try rows.next() {
                let document = try reader.document(row)
                bytes += document.estimatedBytes
                documents.append(document)
            }
            // A damaged name could be met again and again.
            if let id, let first = documents.first,
                !id.utf8.lexicographicallyPrecedes(first.id.utf8)
            {
                throw StoreError.corrupt(path: path, detail: "documents are not in order")
            }
            return documents
        }
    }

    /// The rows of a piece, which either table's order leads to.
    static func piece(after id: String?, isFiltered: Bool) -> Fragment {
        let (tables, name) =
            isFiltered
            ? ("passing AS p CROSS JOIN document AS d ON d.id = p.id", "p.name")
            : ("document AS d", "d.name")
        var sql = Fragment(sql: "SELECT \(DocumentReader.columns) FROM \(tables)")
        if let id { sql.append(Fragment(sql: " WHERE \(name) > ?", values: [id])) }
        sql.append(Fragment(sql: " ORDER BY \(name) LIMIT ?", values: [pieceCount]))
        return sql
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
