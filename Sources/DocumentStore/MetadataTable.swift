import Foundation
import GRDB

/// The statements that keep what filters look into in step with the documents' metadata.
enum MetadataTable {
    /// Brings the entries of a document from those of `old` to those of `new`; nil is no metadata.
    static func change(
        document: Int64, from old: DocumentMetadata?, to new: DocumentMetadata?, path: String,
        in db: Database
    ) throws {
        if old == new { return }
        let after = try entries(new, path: path)
        let before: Set<MetadataEntry>
        do {
            before = try entries(old, path: path)
        } catch {
            // Damaged metadata do not say which entries they had: no index leads to them.
            before = []
            try db.execute(
                sql: "DELETE FROM metadata_value WHERE document_id = ?", arguments: [document])
        }
        for entry in before.subtracting(after) {
            let statement = try db.cachedStatement(
                sql: """
                    DELETE FROM metadata_value WHERE kind = ? AND value = ? AND document_id = ?
                    AND path_id = (SELECT id FROM metadata_path WHERE path = ?)
                    """)
            try statement.execute(arguments: [
                entry.kindCode, entry.value.databaseValue, document, Data(entry.path),
            ])
        }
        for entry in after.subtracting(before) { try insert(entry, document: document, in: db) }
    }

    /// Makes anew the entries at paths beyond ASCII: earlier versions took paths of one canonical form
    /// for one path, and left entries at another spelling than the metadata have, or after their
    /// document was gone.
    static func restorePathsBeyondASCII(path: String, in db: Database) throws {
        func isBeyondASCII(_ bytes: some Sequence<UInt8>) -> Bool { bytes.contains { $0 >= 0x80 } }
        let wrong = try Row.fetchAll(db, sql: "SELECT id, path FROM metadata_path").filter {
            isBeyondASCII(Data.fromDatabaseValue($0[1]) ?? Data())
        }
        if wrong.isEmpty { return }
        for row in wrong {
            try db.execute(
                sql: "DELETE FROM metadata_value WHERE path_id = ?", arguments: [row[0]])
        }
        let documents = try Row.fetchCursor(db, sql: "SELECT id, metadata FROM document")
        while let row = try documents.next() {
            guard let document = Int64.fromDatabaseValue(row[0]),
                let json = String.fromDatabaseValue(row[1])
            else { throw StoreError.damagedRow(path: path, detail: "a document has a wrong type") }
            for entry in try entries(DocumentMetadata(json: json), path: path)
            where isBeyondASCII(entry.path) {
                try insert(entry, document: document, in: db)
            }
        }
    }

    private static func insert(
        _ entry: MetadataEntry, document: Int64, in db: Database
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO metadata_value (path_id, kind, value, document_id)
                VALUES (?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            try pathID(entry.path, in: db), entry.kindCode, entry.value.databaseValue, document,
        ])
    }

    private static func entries(
        _ metadata: DocumentMetadata?, path: String
    ) throws -> Set<MetadataEntry> {
        guard let metadata else { return [] }
        guard let members = metadata.members else {
            throw StoreError.damagedRow(path: path, detail: "a document's metadata are not JSON")
        }
        return MetadataEntry.all(of: members)
    }

    /// The row number of a path; nil where no metadata has had it.
    static func existingPath(_ path: [UInt8], in db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT id FROM metadata_path WHERE path = ?")
        return try Int64.fetchOne(statement, arguments: [Data(path)])
    }

    private static func pathID(_ path: [UInt8], in db: Database) throws -> Int64 {
        if let id = try existingPath(path, in: db) { return id }
        try db.execute(
            sql: "INSERT INTO metadata_path (path) VALUES (?)", arguments: [Data(path)])
        return db.lastInsertedRowID
    }
}
