import Crypto
import Foundation
import GRDB

/// The statements that write documents. Each runs inside a transaction of its caller.
struct DocumentTable {
    let db: Database
    /// The file, for errors.
    let path: String
    /// Milliseconds since 1970.
    let now: Int64

    private struct Standing {
        let id: Int64
        let hash: Data
        let metadata: DocumentMetadata
    }

    /// Writes the drafts in their order and answers what was done with each.
    func put(_ drafts: [DocumentDraft], fingerprint: Data) throws -> [PutOutcome] {
        let model = try EncodingTable.model(fingerprint, in: db)
        let revision = try Revision.next(in: db)
        return try drafts.map { try put($0, model: model, revision: revision) }
    }

    /// What `put` would do with drafts without encodings, for a connection that cannot write.
    func foresee(_ drafts: [DocumentDraft], fingerprint: Data) throws -> [PutOutcome] {
        let model = try EncodingTable.existingModel(fingerprint, in: db) ?? 0
        return try drafts.map { try foresee($0, standing: standing(of: $0.id), model: model) }
    }

    private func foresee(
        _ draft: DocumentDraft, standing: Standing?, model: Int64
    ) throws -> PutOutcome {
        guard let standing, standing.hash == TextHash.of(draft.text),
            try hasEncoding(standing.id, model: model, of: draft)
        else { return .needsEncoding }
        guard let metadata = draft.metadata, metadata != standing.metadata else {
            return .unchanged
        }
        return .metadataUpdated
    }

    private func put(_ draft: DocumentDraft, model: Int64, revision: Int64) throws -> PutOutcome {
        let standing = try standing(of: draft.id)
        guard let encoding = draft.encoding else {
            let outcome = try foresee(draft, standing: standing, model: model)
            if outcome == .metadataUpdated, let standing, let metadata = draft.metadata {
                try update(standing, metadata: metadata)
                // Searches take the document anew, with what its metadata are now.
                try db.cachedStatement(
                    sql: "UPDATE document_encoding SET revision = ? WHERE document_id = ?"
                ).execute(arguments: [revision, standing.id])
            }
            return outcome
        }
        let hash = TextHash.of(draft.text)
        guard let standing else {
            let id = try insert(draft, hash: hash)
            try insert(
                encoding, document: id, model: model, options: draft.options, revision: revision)
            return .created
        }
        if let metadata = draft.metadata, metadata != standing.metadata {
            try update(standing, metadata: metadata)
        }
        if standing.hash != hash { try replaceText(of: standing, draft.text, hash: hash) }
        try db.cachedStatement(sql: "UPDATE document SET updated_at = ? WHERE id = ?")
            .execute(arguments: [now, standing.id])
        try removeEncodings(of: standing.id, revision: revision)
        try insert(
            encoding, document: standing.id, model: model, options: draft.options,
            revision: revision)
        return .replaced
    }

    /// Removes the document with this row number and all that hangs on it; false where the text index is
    /// to be rebuilt, since the text is not the one that it has.
    func delete(
        _ id: Int64, hash: Data, metadata: DocumentMetadata, revision: Int64
    ) throws -> Bool {
        try removeEncodings(of: id, revision: revision)
        let isIndexSound = try removeFromTextIndex(id, hash: hash)
        try MetadataTable.change(document: id, from: metadata, to: nil, path: path, in: db)
        for table in ["document_text", "document"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE id = ?")
                .execute(arguments: [id])
        }
        return isIndexSound
    }

    /// Makes the text index anew from the texts.
    func rebuildTextIndex() throws {
        try db.execute(sql: "INSERT INTO text_index (text_index) VALUES ('rebuild')")
    }

    /// Adds an encoding to a document, beside those of other models.
    func insert(
        _ encoding: DocumentEncoding, document: Int64, model: Int64, options: String,
        revision: Int64
    ) throws {
        let vector = VectorBytes.data(encoding.vector)
        try db.cachedStatement(
            sql: """
                INSERT INTO document_encoding (document_id, model_id, revision, options, tokens,
                    tokens_used, encoded_at, digest, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            document, model, revision, options, encoding.tokens, encoding.tokensUsed, now,
            VectorBytes.digest(vector), vector,
        ])
        let id = db.lastInsertedRowID
        for passage in encoding.passages {
            let vector = VectorBytes.data(passage.vector)
            try db.cachedStatement(
                sql: """
                    INSERT INTO passage (encoding_id, granularity, start_at, end_at, digest, vector)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                id, passage.granularity, passage.start, passage.end, VectorBytes.digest(vector),
                vector,
            ])
        }
        guard let states = encoding.states else { return }
        let bytes = Data(states.bytes)
        try db.cachedStatement(
            sql: """
                INSERT INTO token_state (encoding_id, format, columns, digest, offsets, states)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            id, states.format.rawValue, states.columns, VectorBytes.digest(bytes),
            VectorBytes.ints(states.offsets), bytes,
        ])
    }

    /// Removes one encoding and its passages and states.
    func removeEncoding(_ id: Int64) throws {
        for (table, column) in [
            ("token_state", "encoding_id"), ("passage", "encoding_id"), ("document_encoding", "id"),
        ] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE \(column) = ?")
                .execute(arguments: [id])
        }
    }

    private func removeEncodings(of document: Int64, revision: Int64) throws {
        let ids = try Int64.fetchAll(
            db.cachedStatement(sql: "SELECT id FROM document_encoding WHERE document_id = ?"),
            arguments: [document])
        for id in ids { try removeEncoding(id) }
        try db.cachedStatement(sql: "INSERT INTO removed (revision, document_id) VALUES (?, ?)")
            .execute(arguments: [revision, document])
    }

    private func standing(of name: String) throws -> Standing? {
        let statement = try db.cachedStatement(
            sql: "SELECT id, text_hash, metadata FROM document WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [name]) else { return nil }
        guard let id = Int64.fromDatabaseValue(row[0]), let hash = Data.fromDatabaseValue(row[1]),
            let json = String.fromDatabaseValue(row[2])
        else { throw StoreError.damagedRow(path: path, detail: "a document has a wrong type") }
        return Standing(id: id, hash: hash, metadata: DocumentMetadata(json: json))
    }

    private func hasEncoding(
        _ document: Int64, model: Int64, of draft: DocumentDraft
    ) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT 1 FROM document_encoding
                WHERE document_id = ? AND model_id = ? AND options = ?
                    AND (? OR tokens_used >= tokens)
                """)
        let arguments: StatementArguments = [
            document, model, draft.options, draft.acceptsTruncated,
        ]
        return try Int.fetchOne(statement, arguments: arguments) != nil
    }

    private func insert(_ draft: DocumentDraft, hash: Data) throws -> Int64 {
        let metadata = draft.metadata ?? .empty
        try db.cachedStatement(
            sql: """
                INSERT INTO document (name, text_hash, created_at, updated_at, metadata)
                VALUES (?, ?, ?, ?, ?)
                """
        ).execute(arguments: [draft.id, hash, now, now, metadata.json])
        let id = db.lastInsertedRowID
        try db.cachedStatement(sql: "INSERT INTO document_text (id, text) VALUES (?, ?)")
            .execute(arguments: [id, Data(draft.text.utf8)])
        try addToTextIndex(id)
        try MetadataTable.change(document: id, from: nil, to: metadata, path: path, in: db)
        return id
    }

    private func update(_ standing: Standing, metadata: DocumentMetadata) throws {
        try db.cachedStatement(
            sql: "UPDATE document SET metadata = ?, updated_at = ? WHERE id = ?"
        ).execute(arguments: [metadata.json, now, standing.id])
        try MetadataTable.change(
            document: standing.id, from: standing.metadata, to: metadata, path: path, in: db)
    }

    private func replaceText(of standing: Standing, _ text: String, hash: Data) throws {
        let id = standing.id
        let isIndexSound = try removeFromTextIndex(id, hash: standing.hash)
        try db.cachedStatement(sql: "UPDATE document SET text_hash = ? WHERE id = ?")
            .execute(arguments: [hash, id])
        try db.cachedStatement(sql: "UPDATE document_text SET text = ? WHERE id = ?")
            .execute(arguments: [Data(text.utf8), id])
        try isIndexSound ? addToTextIndex(id) : rebuildTextIndex()
    }

    private func addToTextIndex(_ id: Int64) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO text_index (rowid, text)
                SELECT id, CAST(text AS TEXT) FROM document_text WHERE id = ?
                """
        ).execute(arguments: [id])
    }

    /// An index without a copy of the texts has to be told what it forgets. False, and nothing is done,
    /// where the text is not the one that it was told of: it would forget other words.
    private func removeFromTextIndex(_ id: Int64, hash: Data) throws -> Bool {
        let text = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT text FROM document_text WHERE id = ?"),
            arguments: [id])
        guard let text, TextHash.of(text) == hash else { return false }
        try db.cachedStatement(
            sql: """
                INSERT INTO text_index (text_index, rowid, text)
                SELECT 'delete', id, CAST(text AS TEXT) FROM document_text WHERE id = ?
                """
        ).execute(arguments: [id])
        return true
    }
}

/// Tells texts apart.
package enum TextHash {
    /// The SHA-256 of the text's UTF-8 bytes.
    static func of(_ text: String) -> Data { of(Data(text.utf8)) }

    /// The SHA-256 of a text's bytes.
    static func of(_ text: Data) -> Data { Data(SHA256.hash(data: text)) }

    /// The SHA-256 of the text's UTF-8 bytes in lower-case hexadecimal digits: the id of a
    /// document that was given none.
    package static func hexadecimal(_ text: String) -> String {
        Hexadecimal.text(of(text))
    }
}
