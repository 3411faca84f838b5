import GRDB

/// Numbers of the whole file, one row each.
enum Counter: String, CaseIterable {
    /// The number of the last transaction that changed documents.
    case revision
    /// Images of an older revision than this cannot be brought up to date from `removed`.
    case oldestFollowable
    /// Keys that were looked up and found.
    case hits
    /// Keys that were looked up and not found.
    case misses
    /// Cached encodings that were removed to make room, or for their age.
    case evictions

    func value(in db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT value FROM counter WHERE name = ?")
        return try Int64.fetchOne(statement, arguments: [rawValue]) ?? 0
    }

    /// Adds `amount` and answers the sum.
    @discardableResult
    func add(_ amount: Int64, in db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO counter (name, value) VALUES (?, ?)
                ON CONFLICT (name) DO UPDATE SET value = value + excluded.value
                """)
        try statement.execute(arguments: [rawValue, amount])
        return try value(in: db)
    }

    func set(_ value: Int64, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)",
            arguments: [rawValue, value])
    }
}
