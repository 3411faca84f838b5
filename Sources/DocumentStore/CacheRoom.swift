import Foundation
import GRDB

/// Takes cached encodings out of the file: those past their age, and, where the file has a largest
/// size, those that were not used for longest.
struct CacheRoom: Sendable {
    let options: StoreOptions
    let use: CacheUse
    let recent: RecentEncodings

    /// At most so many rows are removed for their age by one write.
    private static let expiredLimit = 256

    /// Bytes that are evicted beyond what has to be, at least, where there is as much.
    private static let slack = 4 << 20

    /// Makes room, within the transaction of a write, for about `bytes` more. What cannot fit, with
    /// nothing left to evict, is left to SQLite to refuse.
    func make(for bytes: Int, in db: Database) throws {
        if let ttl = options.cacheTTL { try removeExpired(ttl, in: db) }
        guard let maximum = options.maximumBytes, bytes > 0, bytes < maximum else { return }
        let pageSize = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA page_size")) ?? 4096
        let pages = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA page_count")) ?? 0
        let free = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA freelist_count")) ?? 0
        // Trees and chains of pages take more than what is put into them.
        let needed = (pages - free) * pageSize + bytes + bytes / 4
        let ceiling = maximum - maximum / 32
        guard needed > ceiling else { return }
        try use.flush(db)
        // Down to a bit less, so that not every write has to; by as little at a time as is felt by no
        // other writer, and needs no disk space to speak of.
        let most = needed - (maximum - maximum / 8)
        try evict(min(most, needed - ceiling + max(4 * bytes, Self.slack)), in: db)
    }

    private func removeExpired(_ ttl: Double, in db: Database) throws {
        let oldest = options.clock().timeIntervalSince1970 - ttl
        try db.cachedStatement(
            sql: """
                DELETE FROM encoding WHERE id IN
                    (SELECT id FROM encoding WHERE created_at <= ? LIMIT \(Self.expiredLimit))
                """
        ).execute(arguments: [oldest])
        if db.changesCount > 0 { try Counter.evictions.add(Int64(db.changesCount), in: db) }
    }

    private func evict(_ bytes: Int, in db: Database) throws {
        var (freed, count) = (0, 0)
        while freed < bytes {
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id, length(payload) FROM encoding ORDER BY used_at, id LIMIT 256
                        """))
            if rows.isEmpty { break }
            for row in rows where freed < bytes {
                guard let id = Int64.fromDatabaseValue(row[0]) else { continue }
                try db.cachedStatement(sql: "DELETE FROM encoding WHERE id = ?")
                    .execute(arguments: [id])
                freed += (Int.fromDatabaseValue(row[1]) ?? 0) + 256
                count += 1
            }
        }
        guard count > 0 else { return }
        db.afterNextTransaction { [recent] _ in recent.removeAll() }
        try Counter.evictions.add(Int64(count), in: db)
    }
}
