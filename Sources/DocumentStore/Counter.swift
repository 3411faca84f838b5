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

/// The numbers of the transactions that change documents.
enum Revision {
    /// How far behind an image may be and still be brought up to date.
    private static let memory: Int64 = 65_536

    /// The number for this transaction, which goes on every row that it writes.
    static func next(in db: Database) throws -> Int64 {
        let revision = try Counter.revision.add(1, in: db)
        // Now and then, what nobody can have missed is forgotten.
        if revision % 1024 == 0, revision > memory {
            try db.execute(
                sql: "DELETE FROM removed WHERE revision <= ?", arguments: [revision - memory])
            let oldest = try Counter.oldestFollowable.value(in: db)
            try Counter.oldestFollowable.set(max(oldest, revision - memory), in: db)
        }
        return revision
    }

    /// Forgets all of it: images that are behind are read anew.
    static func forget(in db: Database) throws {
        try Counter.oldestFollowable.set(try next(in: db), in: db)
        try db.execute(sql: "DELETE FROM removed")
    }
}
