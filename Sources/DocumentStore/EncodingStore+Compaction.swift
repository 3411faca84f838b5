import Foundation
import GRDB

/// What `EncodingStore.compact` did.
package struct CompactionReport: Sendable, Equatable {
    /// The bytes of the file and its log before.
    package var bytesBefore: Int
    /// The bytes of the file and its log after.
    package var bytesAfter: Int
}

extension EncodingStore {
    /// Gives disk space back: removes what nothing names any more, writes the file anew without
    /// gaps, and empties the log. Writers wait; reads and searches go on. Where the disk has no
    /// room for the file twice, only whole free pages leave it.
    package func compact() async throws(StoreError) -> CompactionReport {
        let before = StoreStatistics.size(ofStoreAt: path)
        try await writeFreeing { [use, options] db in
            try use.flush(db)
            if let ttl = options.cacheTTL { try Leftovers.removeExpired(before: ttl, options, db) }
            try Leftovers.remove(in: db)
        }
        let (pool, path) = (try current().pool, path)
        do {
            try await pool.writeWithoutTransaction { db in
                do {
                    // The file is smaller in the end.
                    try CacheRoom.bound(db, to: nil)
                    try Leftovers.unlessFull(path, db) { try Leftovers.mergeTextIndex(in: db) }
                    let isDone = try Leftovers.unlessFull(path, db) {
                        // Has an effect on files of the first version, by way of the next statement.
                        try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
                    }
                    if !isDone { try db.execute(sql: "PRAGMA incremental_vacuum") }
                } catch {
                    throw StoreError(error, path: path, metBy: db)
                }
            }
            try await checkpoint(pool)
        } catch {
            throw noted(StoreError(error, path: path))
        }
        return CompactionReport(
            bytesBefore: before, bytesAfter: StoreStatistics.size(ofStoreAt: path))
    }

    /// Moves the log into the file and empties it. Readers of an older moment may hold that up; the
    /// next checkpoint, or the last close, then does it.
    private func checkpoint(_ pool: DatabasePool) async throws {
        try await pool.writeWithoutTransaction { db in
            // Waits for readers as long as for anything else, then answers that it did not.
            _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
    }
}

/// Rows that nothing leads to any more.
enum Leftovers {
    static func remove(in db: Database) throws {
        // Images that have not followed yet are read anew.
        try Revision.forget(in: db)
        try db.execute(
            sql: """
                DELETE FROM metadata_path WHERE NOT EXISTS
                    (SELECT 1 FROM metadata_value WHERE path_id = metadata_path.id);
                DELETE FROM model WHERE id NOT IN (SELECT model_id FROM encoding)
                    AND id NOT IN (SELECT model_id FROM document_encoding);
                """)
    }

    /// Makes one piece of the text index, without what was deleted: the disk needs room for it beside
    /// the pieces.
    static func mergeTextIndex(in db: Database) throws {
        try db.execute(sql: "INSERT INTO text_index (text_index) VALUES ('optimize')")
    }

    /// Does what needs room that there may not be; answers whether there was.
    @discardableResult
    static func unlessFull(
        _ path: String, _ db: Database, _ body: () throws -> Void
    ) throws -> Bool {
        do {
            try body()
            return true
        } catch {
            let error = StoreError(error, path: path, metBy: db)
            guard case .full = error else { throw error }
            return false
        }
    }

    static func removeExpired(before ttl: Double, _ options: StoreOptions, _ db: Database) throws {
        let now = options.clock().timeIntervalSince1970
        try db.execute(
            sql: "DELETE FROM encoding WHERE created_at <= ? OR created_at > ?",
            arguments: [now - ttl, now])
        if db.changesCount > 0 { try Counter.evictions.add(Int64(db.changesCount), in: db) }
    }
}
