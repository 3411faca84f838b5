import Foundation
import GRDB

/// Takes cached encodings out of the file: those past their age, and, where the file has a largest
/// size, those that were not used for longest.
struct CacheRoom: Sendable {
    let path: String
    let options: StoreOptions
    let use: CacheUse
    let recent: RecentEncodings

    /// At most so many rows are removed for their age by one write.
    private static let expiredLimit = 256

    /// At most so many rows of the future are brought to the present by one write.
    private static let futureLimit = 1024

    /// Bytes that are evicted beyond what has to be, at least, where there is as much.
    private static let slack = 4 << 20

    /// The part of a file's largest size that nothing is put into: deletions write before they free, and
    /// so do counters and the merging of the text index. A thirty-second, more of a small file.
    static func reserve(of maximum: Int) -> Int {
        max(maximum / 32, min(maximum / 16, 64 << 10))
    }

    /// Makes room, within the transaction of a write, for about `bytes` more.
    /// - Throws: `StoreError.full` for what does not fit with nothing left to evict.
    func make(for bytes: Int, in db: Database) throws {
        if let ttl = options.cacheTTL { try removeExpired(ttl, in: db) }
        guard let maximum = options.maximumBytes, bytes > 0 else { return }
        try Self.bound(db, to: maximum)
        try bringToPresent(in: db)
        // Trees and chains of pages take more than what is put into them.
        let wanted = bytes + bytes / 4
        let ceiling = maximum - Self.reserve(of: maximum)
        // Nothing is evicted for what would not fit into an empty file either.
        guard wanted <= ceiling else { throw StoreError.full(path: path) }
        var needed = try Self.usedBytes(db) + wanted
        guard needed > ceiling else { return }
        try use.flush(db)
        // Down to a bit less, so that not every write has to; by as little at a time as is felt by no
        // other writer, and needs no disk space to speak of.
        let most = needed - (maximum - maximum / 8)
        var bytes = min(most, needed - ceiling + max(4 * bytes, Self.slack))
        // Rows that lie apart leave pages that are used in part.
        while needed > ceiling {
            guard try evict(bytes, in: db) else { throw StoreError.full(path: path) }
            needed = try Self.usedBytes(db) + wanted
            bytes = needed - ceiling
        }
    }

    /// Holds the file to so many bytes, or to what it has already; nil is no limit but SQLite's.
    static func bound(_ db: Database, to bytes: Int?) throws {
        let pageSize = try pageSize(db)
        let pages = bytes.map { max(1, $0 / pageSize) } ?? 1_073_741_823
        _ = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA max_page_count = \(pages)"))
    }

    /// The bytes of all pages that something lies in.
    private static func usedBytes(_ db: Database) throws -> Int {
        let pages = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA page_count")) ?? 0
        let free = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA freelist_count")) ?? 0
        return try (pages - free) * pageSize(db)
    }

    private static func pageSize(_ db: Database) throws -> Int {
        try Int.fetchOne(db.cachedStatement(sql: "PRAGMA page_size")) ?? 4096
    }

    private func removeExpired(_ ttl: Double, in db: Database) throws {
        let now = options.clock().timeIntervalSince1970
        try db.cachedStatement(
            sql: """
                DELETE FROM encoding WHERE id IN
                    (SELECT id FROM encoding WHERE created_at <= ? OR created_at > ?
                        LIMIT \(Self.expiredLimit))
                """
        ).execute(arguments: [now - ttl, now])
        if db.changesCount > 0 { try Counter.evictions.add(Int64(db.changesCount), in: db) }
    }

    /// Lets rows that were used before the clock went back count as used now, soon after it did: they
    /// would outlive all that are used later.
    private func bringToPresent(in db: Database) throws {
        let now = Int64(options.clock().timeIntervalSince1970)
        try db.cachedStatement(
            sql: """
                UPDATE encoding SET used_at = ?1 WHERE id IN
                    (SELECT id FROM encoding WHERE used_at > ?1 LIMIT \(Self.futureLimit))
                """
        ).execute(arguments: [now])
    }

    /// Evicts about so many bytes; false when there is nothing to evict.
    private func evict(_ bytes: Int, in db: Database) throws -> Bool {
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
        guard count > 0 else { return false }
        db.afterNextTransaction { [recent] _ in recent.removeAll() }
        try Counter.evictions.add(Int64(count), in: db)
        return true
    }
}
