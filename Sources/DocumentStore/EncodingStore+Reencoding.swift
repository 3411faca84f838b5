import Foundation
import GRDB

/// A document that a model has not encoded yet.
package struct PendingDocument: Sendable, Equatable {
    /// The caller's name for it.
    package var id: String
    /// The text, to be encoded.
    package var text: String
    /// The text's SHA-256, to be given back with the encoding.
    package var textHash: [UInt8]
    /// The options of its newest encoding, to be given back with the encoding.
    package var options: String
    /// Its place among all documents.
    package var row: Int64
}

/// A model's encoding of a document that it lacked.
package struct Reencoded: Sendable {
    /// The document as it was read.
    package var document: PendingDocument
    /// What the encoding was made by; where a name stands for something else, not the document's own.
    package var options: String
    /// What the model made of it.
    package var encoding: DocumentEncoding

    /// A document's new encoding, made with `options`.
    package init(document: PendingDocument, options: String, encoding: DocumentEncoding) {
        self.document = document
        self.options = options
        self.encoding = encoding
    }
}

/// How far a store has gone over to a model.
package struct ReencodingProgress: Sendable, Equatable {
    /// How many documents the model has encoded.
    package var done: Int
    /// How many documents there are.
    package var total: Int
}

/// Moving to another model while the old one serves: its vectors are written beside the old ones,
/// and each search sees those of its own model. What is left to do is read from the file, so a run
/// that was stopped goes on where it was.
extension EncodingStore {
    /// The next documents behind a row that the model has not encoded, by row, at least one and a few
    /// megabytes of text at most; empty when there are none.
    /// - Parameter limit: how many at most; 1 or more.
    package func documentsLacking(
        model: [UInt8], after row: Int64 = 0, limit: Int
    ) async throws(StoreError) -> [PendingDocument] {
        precondition(limit > 0 && model.count == CacheKey.byteCount)
        let path = path
        return try await read { db in
            try Reencoding(db: db, path: path).lacking(Data(model), after: row, limit: limit)
        }
    }

    /// Keeps a model's encodings of documents beside those of others, in one transaction. False for
    /// a document that is gone, or was put with another text or other options meanwhile: nothing was
    /// written for it.
    package func add(
        _ encodings: [Reencoded], model: [UInt8]
    ) async throws(StoreError) -> [Bool] {
        precondition(model.count == CacheKey.byteCount)
        for item in encodings { try item.encoding.validate(id: item.document.id) }
        if encodings.isEmpty { return [] }
        let path = path
        let bytes = encodings.reduce(0) { $0 + $1.encoding.estimatedBytes + 512 }
        return try await write(makingRoomFor: bytes) { [clock = options.clock] db in
            try Reencoding(db: db, path: path).add(
                encodings, fingerprint: Data(model), now: clock().milliseconds)
        }
    }

    /// How many of the documents the model has encoded.
    package func reencodingProgress(model: [UInt8]) async throws(StoreError) -> ReencodingProgress {
        try await read { db in
            let model = try EncodingTable.existingModel(Data(model), in: db) ?? 0
            return ReencodingProgress(
                done: try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM document_encoding WHERE model_id = ?",
                    arguments: [model]) ?? 0,
                total: try Int.fetchOne(db, sql: "SELECT count(*) FROM document") ?? 0)
        }
    }

    /// Whether there are documents and none of them has an encoding of the model: its searches by meaning
    /// find nothing.
    package func hasOnlyDocumentsOfOthers(than model: [UInt8]) async throws(StoreError) -> Bool {
        try await read { db in
            let model = try EncodingTable.existingModel(Data(model), in: db) ?? 0
            return try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM document)
                        AND NOT EXISTS (SELECT 1 FROM document_encoding WHERE model_id = ?)
                    """,
                arguments: [model]) ?? false
        }
    }

    /// How many documents none of these models has encoded: their searches by meaning find none of them.
    package func documentCount(lacking models: [[UInt8]]) async throws(StoreError) -> Int {
        try await read { db in
            let known = try models.compactMap {
                try EncodingTable.existingModel(Data($0), in: db)
            }
            let marks = known.map { _ in "?" }.joined(separator: ",")
            return try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM document AS d WHERE NOT EXISTS
                        (SELECT 1 FROM document_encoding
                            WHERE document_id = d.id AND model_id IN (\(marks)))
                    """,
                arguments: StatementArguments(known)) ?? 0
        }
    }

    /// Ends the move: in one transaction, removes every other model's encodings of documents.
    /// False, and nothing removed, when the model has not encoded all of them.
    package func finishReencoding(model: [UInt8]) async throws(StoreError) -> Bool {
        let path = path
        return try await writeFreeing { db in
            try Reencoding(db: db, path: path).finish(Data(model))
        }
    }
}

private struct Reencoding {
    let db: Database
    let path: String

    func lacking(_ fingerprint: Data, after row: Int64, limit: Int) throws -> [PendingDocument] {
        let model = try EncodingTable.existingModel(fingerprint, in: db) ?? 0
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT \(DocumentReader.columns) FROM document AS d WHERE d.id > ? AND NOT EXISTS
                    (SELECT 1 FROM document_encoding WHERE document_id = d.id AND model_id = ?)
                ORDER BY d.id LIMIT ?
                """,
            arguments: [row, model, limit])
        let reader = try DocumentReader(db, path: path, parts: .text, fingerprint: nil)
        var documents: [PendingDocument] = []
        var bytes = 0
        while bytes < StoredDocument.readingLimit, let row = try rows.next() {
            let document = try reader.document(row)
            bytes += document.estimatedBytes
            documents.append(
                PendingDocument(
                    id: document.id, text: document.text ?? "", textHash: document.textHash,
                    options: document.encoding?.options ?? "", row: row[0]))
        }
        return documents
    }

    private static let newest = "(SELECT max(id) FROM document_encoding WHERE document_id = ?)"

    func add(
        _ encodings: [Reencoded], fingerprint: Data, now: Int64
    ) throws -> [Bool] {
        let model = try EncodingTable.model(fingerprint, in: db)
        let revision = try Revision.next(in: db)
        let table = DocumentTable(db: db, path: path, now: now)
        return try encodings.map { item in
            let pending = item.document
            let document = try Int64.fetchOne(
                db.cachedStatement(
                    sql: "SELECT id FROM document WHERE name = ? AND text_hash = ?"),
                arguments: [pending.id, Data(pending.textHash)])
            guard let document else { return false }
            let options = try String.fetchOne(
                db.cachedStatement(
                    sql: "SELECT options FROM document_encoding WHERE id = \(Self.newest)"),
                arguments: [document])
            guard options ?? "" == pending.options else { return false }
            let standing = try Int64.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT id FROM document_encoding WHERE document_id = ? AND model_id = ?
                        """),
                arguments: [document, model])
            if let standing { try table.removeEncoding(standing) }
            try table.insert(
                item.encoding, document: document, model: model, options: item.options,
                revision: revision)
            return true
        }
    }

    func finish(_ fingerprint: Data) throws -> Bool {
        guard try lacking(fingerprint, after: 0, limit: 1).isEmpty else { return false }
        let model = try EncodingTable.existingModel(fingerprint, in: db) ?? 0
        // Images of the models that go are read anew, and are empty then.
        try Revision.forget(in: db)
        let others = "(SELECT id FROM document_encoding WHERE model_id <> ?)"
        for sql in [
            "DELETE FROM token_state WHERE encoding_id IN \(others)",
            "DELETE FROM passage WHERE encoding_id IN \(others)",
            "DELETE FROM document_encoding WHERE model_id <> ?",
        ] { try db.execute(sql: sql, arguments: [model]) }
        return true
    }
}
