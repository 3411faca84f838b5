import Foundation
import GRDB

/// The statements that read documents, on the connection and within the transaction of the caller.
struct DocumentReader {
    let db: Database
    /// The file, for errors.
    let path: String
    let parts: DocumentParts
    /// The row of the model whose encodings are read; nil is each document's newest, 0 none.
    let model: Int64?
    /// Whether the newest is read of a document that the model did not encode.
    let orNewest: Bool

    init(
        _ db: Database, path: String, parts: DocumentParts, fingerprint: [UInt8]?,
        orNewest: Bool = false
    ) throws {
        self.db = db
        self.path = path
        self.parts = parts
        self.orNewest = orNewest
        model = try fingerprint.map { try EncodingTable.existingModel(Data($0), in: db) ?? 0 }
    }

    static let columns = "d.id, d.name, d.text_hash, d.created_at, d.updated_at, d.metadata"

    /// The document with this name.
    func find(_ name: String) throws -> StoredDocument? {
        guard DocumentDraft.isName(name) else { return nil }
        let statement = try db.cachedStatement(
            sql: "SELECT \(Self.columns) FROM document AS d WHERE d.name = ?")
        return try Row.fetchOne(statement, arguments: [name]).map(document)
    }

    /// The document with this row number.
    func find(row id: Int64) throws -> StoredDocument? {
        let statement = try db.cachedStatement(
            sql: "SELECT \(Self.columns) FROM document AS d WHERE d.id = ?")
        return try Row.fetchOne(statement, arguments: [id]).map(document)
    }

    /// The document of a row with `columns`.
    func document(_ row: Row) throws -> StoredDocument {
        guard let id = Int64.fromDatabaseValue(row[0]),
            // Bytes would be read as a text, and come behind all of them.
            case .string(let name) = (row[1] as DatabaseValue).storage,
            let hash = Data.fromDatabaseValue(row[2]),
            let createdAt = Int64.fromDatabaseValue(row[3]),
            let updatedAt = Int64.fromDatabaseValue(row[4]),
            let json = String.fromDatabaseValue(row[5])
        else { throw damage("a document has a wrong type") }
        return StoredDocument(
            id: name, textHash: [UInt8](hash), createdAt: Date(milliseconds: createdAt),
            updatedAt: Date(milliseconds: updatedAt),
            text: parts.contains(.text) ? try text(row: id, hash: hash, of: name) : nil,
            metadata: parts.contains(.metadata) ? DocumentMetadata(json: json) : nil,
            encoding: try encoding(id, of: name))
    }

    /// The name of the document with this row number; empty where there is none.
    static func name(ofRow id: Int64, in db: Database) throws -> String {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT name FROM document WHERE id = ?"), arguments: [id])
            ?? ""
    }

    /// The text of a document that was read without it.
    func text(of document: StoredDocument, row id: Int64) throws -> String {
        try text(row: id, hash: Data(document.textHash), of: document.id)
    }

    private func text(row id: Int64, hash: Data, of name: String) throws -> String {
        let statement = try db.cachedStatement(sql: "SELECT text FROM document_text WHERE id = ?")
        guard let data = try Data.fetchOne(statement, arguments: [id]),
            let text = String(validating: data, as: UTF8.self), TextHash.of(text) == hash
        else { throw damage("the text of the document \"\(name)\" differs from its hash") }
        return text
    }

    private func encoding(_ document: Int64, of name: String) throws -> EncodingRecord? {
        let vector = parts.contains(.vector) ? "e.digest, e.vector" : "NULL, NULL"
        let (condition, order) =
            switch (model, orNewest) {
            case (nil, _): ("", "")
            case (_, true): ("", "e.model_id = ? DESC,")
            case (_, false): ("AND e.model_id = ?", "")
            }
        let statement = try db.cachedStatement(
            sql: """
                SELECT e.id, m.fingerprint, e.options, e.tokens, e.tokens_used, e.encoded_at,
                    EXISTS (SELECT 1 FROM token_state WHERE encoding_id = e.id), \(vector)
                FROM document_encoding AS e JOIN model AS m ON m.id = e.model_id
                WHERE e.document_id = ? \(condition) ORDER BY \(order) e.id DESC LIMIT 1
                """)
        var arguments: StatementArguments = [document]
        if let model { arguments += [model] }
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
        guard let id = Int64.fromDatabaseValue(row[0]),
            let fingerprint = Data.fromDatabaseValue(row[1]),
            let options = String.fromDatabaseValue(row[2]),
            let tokens = Int32.fromDatabaseValue(row[3]).map(Int.init),
            let tokensUsed = Int32.fromDatabaseValue(row[4]).map(Int.init),
            0 <= tokensUsed, tokensUsed <= tokens,
            let encodedAt = Int64.fromDatabaseValue(row[5]),
            let hasStates = Bool.fromDatabaseValue(row[6])
        else { throw damage("an encoding of the document \"\(name)\" has a wrong type") }
        return EncodingRecord(
            fingerprint: [UInt8](fingerprint), options: options, tokens: tokens,
            tokensUsed: tokensUsed, encodedAt: Date(milliseconds: encodedAt), hasStates: hasStates,
            vector: parts.contains(.vector)
                ? try self.vector(digest: row[7], bytes: row[8], of: name) : nil,
            passages: parts.contains(.passages) ? try passages(id, of: name) : nil,
            states: parts.contains(.states) && hasStates ? try states(id, of: name) : nil)
    }

    private func vector(
        digest: DatabaseValue, bytes: DatabaseValue, of name: String
    ) throws -> [Float] {
        guard let digest = Int64.fromDatabaseValue(digest),
            let bytes = Data.fromDatabaseValue(bytes), VectorBytes.digest(bytes) == digest,
            let floats = VectorBytes.floats(bytes)
        else { throw damage("a vector of the document \"\(name)\" differs from its digest") }
        return floats
    }

    private func passages(_ encoding: Int64, of name: String) throws -> [Passage] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT granularity, start_at, end_at, digest, vector FROM passage
                WHERE encoding_id = ? ORDER BY id
                """)
        var passages: [Passage] = []
        let rows = try Row.fetchCursor(statement, arguments: [encoding])
        while let row = try rows.next() {
            guard let place = PassageReference(row) else {
                throw damage("a passage of the document \"\(name)\" has no place")
            }
            passages.append(
                Passage(
                    granularity: place.granularity, start: place.start, end: place.end,
                    vector: try vector(digest: row[3], bytes: row[4], of: name)))
        }
        return passages
    }

    private func states(_ encoding: Int64, of name: String) throws -> TokenStates {
        let statement = try db.cachedStatement(
            sql: """
                SELECT format, columns, digest, offsets, states FROM token_state
                WHERE encoding_id = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [encoding]),
            let format = String.fromDatabaseValue(row[0]).flatMap(TokenStates.Format.init),
            let columns = Int.fromDatabaseValue(row[1]),
            let digest = Int64.fromDatabaseValue(row[2]),
            let offsets = Data.fromDatabaseValue(row[3]).flatMap(VectorBytes.ranges),
            TokenStates.areInOrder(offsets),
            let bytes = Data.fromDatabaseValue(row[4]), VectorBytes.digest(bytes) == digest,
            let states = TokenStates(
                bytes: [UInt8](bytes), columns: columns, offsets: offsets, format: format)
        else {
            throw damage("the token states of the document \"\(name)\" differ from their digest")
        }
        return states
    }

    private func damage(_ detail: String) -> StoreError { .damagedRow(path: path, detail: detail) }
}

extension Date {
    /// The moment this many milliseconds after the start of 1970.
    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }

    /// Milliseconds since the start of 1970, to the nearest: what `init` made comes back.
    /// A time that no 64 bits hold, which only a damaged file has, is 0.
    package var milliseconds: Int64 {
        Int64(exactly: (timeIntervalSince1970 * 1000).rounded()) ?? 0
    }
}

extension PassageReference {
    /// Reads granularity, start and end; nil where they are of a wrong type or name no place.
    init?(_ row: Row) {
        guard let granularity = String.fromDatabaseValue(row[0]),
            let start = Int32.fromDatabaseValue(row[1]).map(Int.init),
            let end = Int32.fromDatabaseValue(row[2]).map(Int.init),
            0 <= start, start <= end
        else { return nil }
        self.init(granularity: granularity, start: start, end: end)
    }
}
