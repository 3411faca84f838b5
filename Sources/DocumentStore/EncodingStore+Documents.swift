import Foundation
import GRDB

/// Documents: kept until they are deleted, never evicted.
extension EncodingStore {
    /// Puts documents, in their order, in one transaction that is synced to the disk when this
    /// returns; callers at the same time share it. All are written or, when it throws, none.
    ///
    /// First put drafts without encodings: what is there already is answered at once, new metadata
    /// is kept, and only the drafts answered with `needsEncoding` have to be encoded and put again.
    /// A draft with an encoding takes the place of whatever its id has, encodings by other models
    /// included.
    /// - Parameter model: the fingerprint of the model that encodes, 32 bytes.
    /// - Throws: `StoreError.invalid` for a draft that cannot be kept, and the file's errors.
    package func put(
        _ drafts: [DocumentDraft], model: [UInt8]
    ) async throws(StoreError) -> [PutOutcome] {
        precondition(model.count == CacheKey.byteCount)
        for draft in drafts { try draft.validate() }
        if drafts.isEmpty { return [] }
        let fingerprint = Data(model)
        let path = path
        var bytes = drafts.reduce(0) { $0 + $1.estimatedBytes }
        // Nothing is to be written for most drafts without an encoding: only look, then.
        if drafts.allSatisfy({ $0.encoding == nil }) {
            let outcomes = try await read { db in
                try DocumentTable(db: db, path: path, now: 0).foresee(
                    drafts, fingerprint: fingerprint)
            }
            if !outcomes.contains(.metadataUpdated) { return outcomes }
            bytes = zip(drafts, outcomes).reduce(0) { sum, pair in
                pair.1 == .metadataUpdated ? sum + pair.0.estimatedBytes : sum
            }
        }
        return try await write(makingRoomFor: bytes) { [clock = options.clock] db in
            try DocumentTable(db: db, path: path, now: clock().milliseconds)
                .put(drafts, fingerprint: fingerprint)
        }
    }

    /// The document of each id, in their order; nil where there is none. All from one moment.
    /// - Parameters:
    ///   - model: the fingerprint of the model whose encoding is read; nil is the newest.
    ///   - orNewest: whether the newest is read where that model has none.
    package func documents(
        _ ids: [String], parts: DocumentParts, model: [UInt8]? = nil, orNewest: Bool = false
    ) async throws(StoreError) -> [StoredDocument?] {
        let path = path
        return try await read { db in
            let reader = try DocumentReader(
                db, path: path, parts: parts, fingerprint: model, orNewest: orNewest)
            return try ids.map { try reader.find($0) }
        }
    }

    /// The document of this id; nil when there is none. `model` and `orNewest` as for several.
    package func document(
        _ id: String, parts: DocumentParts, model: [UInt8]? = nil, orNewest: Bool = false
    ) async throws(StoreError) -> StoredDocument? {
        try await documents([id], parts: parts, model: model, orNewest: orNewest)[0]
    }

    /// One page of a list.
    /// - Throws: `StoreError.invalid` for a cursor that is none of this order's.
    package func list(_ query: DocumentQuery) async throws(StoreError) -> DocumentPage {
        let path = path
        let cursor = try query.cursor.map { text throws(StoreError) in
            try DocumentCursor(text, order: query.order)
        }
        return try await read { db in
            try DocumentList(query: query, cursor: cursor, path: path).page(db)
        }
    }

    /// How many documents pass the filter; nil is all.
    package func countDocuments(
        where filter: MetadataFilter? = nil
    ) async throws(StoreError) -> Int {
        try await read { db in
            var sql = Fragment(sql: "SELECT count(*) FROM document AS d")
            if let filter {
                sql.append(Fragment(sql: " WHERE "))
                sql.append(filter.condition(on: "d.id"))
            }
            return try Int.fetchOne(db, sql: sql.sql, arguments: sql.arguments) ?? 0
        }
    }

    /// At most so many documents are deleted in one transaction.
    private static let deletionGroup = 1000

    /// Deletes the documents with these ids; answers how many there were. Goes through in transactions
    /// of a thousand, so that other writers wait for one of them at most: a kill or an error in
    /// between leaves the rest.
    package func delete(ids: [String]) async throws(StoreError) -> Int {
        var total = 0
        // SQLite would take what stands before a zero byte for the whole.
        let ids = ids.filter(DocumentDraft.isName)
        for start in stride(from: 0, to: ids.count, by: Self.deletionGroup) {
            let group = ids[start..<min(start + Self.deletionGroup, ids.count)]
            let marks = databaseQuestionMarks(count: group.count)
            total += try await delete { db in
                try Row.fetchAll(
                    db,
                    sql: "SELECT id, metadata, text_hash FROM document WHERE name IN (\(marks))",
                    arguments: StatementArguments(group))
            }
        }
        return total
    }

    /// Deletes the documents that pass the filter; answers how many. Goes through as a deletion by ids
    /// does. Documents that were not there when it began stay.
    package func delete(where filter: MetadataFilter) async throws(StoreError) -> Int {
        let last = try await read { db in
            try Int64.fetchOne(db, sql: "SELECT max(id) FROM document") ?? 0
        }
        var total = 0
        while true {
            let count = try await delete { db in
                var sql = Fragment(
                    sql: "SELECT d.id, d.metadata, d.text_hash FROM document AS d WHERE ")
                sql.append(filter.condition(on: "d.id"))
                sql.append(
                    Fragment(
                        sql: " AND d.id <= ? LIMIT ?", values: [last, Self.deletionGroup]))
                return try Row.fetchAll(db, sql: sql.sql, arguments: sql.arguments)
            }
            if count == 0 { return total }
            total += count
        }
    }

    /// Deletes, in one transaction, the documents of rows with their numbers, metadata and hashes, the
    /// damaged ones too; answers how many there were.
    private func delete(
        _ find: @escaping @Sendable (Database) throws -> [Row]
    ) async throws(StoreError) -> Int {
        let path = path
        return try await writeFreeing { [clock = options.clock] db in
            let rows = try find(db)
            if rows.isEmpty { return 0 }
            let table = DocumentTable(db: db, path: path, now: clock().milliseconds)
            let revision = try Revision.next(in: db)
            var isIndexSound = true
            for row in rows {
                if try !table.delete(row, revision: revision) { isIndexSound = false }
            }
            if !isIndexSound { try table.rebuildTextIndex() }
            return rows.count
        }
    }
}

extension DocumentTable {
    /// Removes the document of a row with its number, metadata and hash; false where the text index is
    /// to be rebuilt.
    fileprivate func delete(_ row: Row, revision: Int64) throws -> Bool {
        guard let id = Int64.fromDatabaseValue(row[0]) else {
            throw StoreError.damagedRow(path: path, detail: "a document has a wrong type")
        }
        // What is none of a document's is no JSON object either.
        let metadata = DocumentMetadata(json: String.fromDatabaseValue(row[1]) ?? "")
        let hash = Data.fromDatabaseValue(row[2]) ?? Data()
        return try delete(id, hash: hash, metadata: metadata, revision: revision)
    }
}
