import Foundation
import GRDB

/// The statements that read and write encodings. Each runs on the connection it is given.
enum EncodingTable {
    /// The encoding under `key`, its row, and when that was last used; or nil. Throws
    /// `StoreError.damagedRow` when the row is not what was written.
    static func find(
        _ key: CacheKey, fingerprint: Data, kind: EncodingKind, path: String, in db: Database
    ) throws -> (CachedEncoding, row: Int64, usedAt: Int64)? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT payload, tokens, tokens_used, created_at, digest, id, used_at FROM encoding
                WHERE key = ? AND kind = ?
                    AND model_id = (SELECT id FROM model WHERE fingerprint = ?)
                """)
        let row = try Row.fetchOne(
            statement, arguments: [Data(key.bytes), kind.rawValue, fingerprint])
        guard let row else { return nil }
        // A damaged page can hold any type in any column.
        guard let payload = Data.fromDatabaseValue(row["payload"]),
            let tokens = Int.fromDatabaseValue(row["tokens"]),
            let tokensUsed = Int.fromDatabaseValue(row["tokens_used"]),
            let createdAt = Int64.fromDatabaseValue(row["created_at"]),
            let digest = Int64.fromDatabaseValue(row["digest"]),
            let id = Int64.fromDatabaseValue(row["id"]),
            let usedAt = Int64.fromDatabaseValue(row["used_at"])
        else { throw StoreError.damagedRow(path: path, detail: "an encoding has a wrong type") }
        let encoding = CachedEncoding(
            payload: [UInt8](payload), kind: kind, tokens: tokens, tokensUsed: tokensUsed,
            createdAt: Date(timeIntervalSince1970: TimeInterval(createdAt)))
        guard RowDigest.of(encoding, key: key) == digest else {
            throw StoreError.damagedRow(path: path, detail: "an encoding differs from its digest")
        }
        return (encoding, id, usedAt)
    }

    /// Keeps `encoding` under `key`, in the place of one that is there.
    static func write(
        _ encoding: CachedEncoding, key: CacheKey, model: Int64, usedAt: Int64, in db: Database
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO encoding
                    (model_id, kind, key, tokens, tokens_used, created_at, used_at, digest,
                        payload)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (key, model_id, kind) DO UPDATE SET
                    tokens = excluded.tokens, tokens_used = excluded.tokens_used,
                    created_at = excluded.created_at, used_at = excluded.used_at, digest = excluded.digest,
                    payload = excluded.payload
                """)
        try statement.execute(arguments: [
            model, encoding.kind.rawValue, Data(key.bytes), encoding.tokens, encoding.tokensUsed,
            Int64(encoding.createdAt.timeIntervalSince1970.rounded(.down)),
            usedAt, RowDigest.of(encoding, key: key), Data(encoding.payload),
        ])
    }

    /// The row of the model with this fingerprint; nil when there is none.
    static func existingModel(_ fingerprint: Data, in db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT id FROM model WHERE fingerprint = ?")
        return try Int64.fetchOne(statement, arguments: [fingerprint])
    }

    /// The row of the model with this fingerprint, made when there is none.
    static func model(_ fingerprint: Data, in db: Database) throws -> Int64 {
        if let id = try existingModel(fingerprint, in: db) { return id }
        try db.execute(sql: "INSERT INTO model (fingerprint) VALUES (?)", arguments: [fingerprint])
        return db.lastInsertedRowID
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): tells a row that the disk changed from one that it kept.
enum RowDigest {
    /// The digest of a key and all that is answered from its row.
    static func of(_ encoding: CachedEncoding, key: CacheKey) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        func add(_ number: Int) {
            add((0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
        }
        add(key.bytes)
        add(encoding.tokens)
        add(encoding.tokensUsed)
        add(encoding.payload)
        return Int64(bitPattern: hash)
    }
}
