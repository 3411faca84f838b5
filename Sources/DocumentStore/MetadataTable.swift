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
        let before = try entries(old, path: path)
        let after = try entries(new, path: path)
        for entry in before.subtracting(after) {
            let statement = try db.cachedStatement(
                sql: """
                    DELETE FROM metadata_value WHERE kind = ? AND value = ? AND document_id = ?
                    AND path_id = (SELECT id FROM metadata_path WHERE path = ?)
                    """)
            try statement.execute(arguments: [
                entry.kindCode, entry.value.databaseValue, document, Data(entry.path.utf8),
            ])
        }
        for entry in after.subtracting(before) {
            let statement = try db.cachedStatement(
                sql: """
                    INSERT OR IGNORE INTO metadata_value (path_id, kind, value, document_id)
                    VALUES (?, ?, ?, ?)
                    """)
            try statement.execute(arguments: [
                try pathID(entry.path, in: db), entry.kindCode, entry.value.databaseValue, document,
            ])
        }
    }

    private static func entries(
        _ metadata: DocumentMetadata?, path: String
    ) throws -> Set<MetadataEntry> {
        guard let metadata else { return [] }
        guard let members = metadata.members else {
            throw StoreError.corrupt(path: path, detail: "a document's metadata is not JSON")
        }
        return MetadataEntry.all(of: members)
    }

    private static func pathID(_ path: String, in db: Database) throws -> Int64 {
        let data = Data(path.utf8)
        let statement = try db.cachedStatement(sql: "SELECT id FROM metadata_path WHERE path = ?")
        if let id = try Int64.fetchOne(statement, arguments: [data]) { return id }
        try db.execute(sql: "INSERT INTO metadata_path (path) VALUES (?)", arguments: [data])
        return db.lastInsertedRowID
    }
}
