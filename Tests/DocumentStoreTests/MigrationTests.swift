import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// Files of earlier versions open, and keep what they have.
struct MigrationTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The file that the first version made, statement by statement.
    private func makeFirstVersion(_ entries: [(CacheKey, CachedEncoding)]) throws {
        let pool = try DatabasePool(path: folder.path())
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE model (
                        id INTEGER PRIMARY KEY,
                        fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32)
                    );
                    CREATE TABLE encoding (
                        id INTEGER PRIMARY KEY,
                        model_id INTEGER NOT NULL REFERENCES model (id),
                        kind TEXT NOT NULL,
                        key BLOB NOT NULL CHECK (length(key) = 32),
                        tokens INTEGER NOT NULL,
                        tokens_used INTEGER NOT NULL,
                        created_at INTEGER NOT NULL,
                        digest INTEGER NOT NULL,
                        payload BLOB NOT NULL,
                        UNIQUE (key, model_id, kind)
                    );
                    PRAGMA application_id = \(0x4269_4753);
                    PRAGMA user_version = 1;
                    INSERT INTO model (fingerprint) VALUES (x'\(String(repeating: "07", count: 32))');
                    """)
        }
        try migrator.migrate(pool)
        try pool.write { db in
            for (key, encoding) in entries {
                try db.execute(
                    sql: """
                        INSERT INTO encoding (model_id, kind, key, tokens, tokens_used, created_at,
                            digest, payload) VALUES (1, 'embedding', ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        Data(key.bytes), encoding.tokens, encoding.tokensUsed,
                        Int64(encoding.createdAt.timeIntervalSince1970),
                        digest(key, encoding), Data(encoding.payload),
                    ])
            }
        }
        try pool.close()
    }

    /// FNV-1a over key, counts and payload, as the first version had it.
    private func digest(_ key: CacheKey, _ encoding: CachedEncoding) -> Int64 {
        let numbers = [encoding.tokens, encoding.tokensUsed].flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        let hash = (key.bytes + numbers + encoding.payload).reduce(0xcbf2_9ce4_8422_2325 as UInt64)
        {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return Int64(bitPattern: hash)
    }

    @Test("the first version's encodings are answered; documents can be put beside them")
    func firstVersion() async throws {
        var random = SeededGenerator(seed: 111)
        let entries = try random.entries(50)
        try makeFirstVersion(entries)
        for _ in 0..<2 {
            let store = try openStore(folder.path())
            let found = try await store.lookup(
                entries.map(\.0), model: fingerprint, kind: .embedding)
            #expect(found == entries.map(\.1))
            _ = try await store.put(try random.drafts(3), model: fingerprint)
            #expect(try await store.statistics().documents == 3)
            store.close()
        }
    }

    @Test("several open the first version's file at the same moment")
    func together() async throws {
        var random = SeededGenerator(seed: 112)
        let entries = try random.entries(5)
        try makeFirstVersion(entries)
        let path = folder.path()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let store = try openStore(path, busyTimeout: 10)
                    let found = try await store.lookup(
                        entries.map(\.0), model: fingerprint, kind: .embedding)
                    #expect(found == entries.map(\.1))
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("compaction lets a file of the first version shrink from then on")
    func firstVersionShrinks() async throws {
        var random = SeededGenerator(seed: 113)
        try makeFirstVersion(try random.entries(10))
        let store = try openStore(folder.path())
        _ = try await store.compact()
        store.close()
        let queue = try DatabaseQueue(path: folder.path())
        let mode = try await queue.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") }
        #expect(mode == 2)
    }

    /// A file of the second version: what the third took away is put back.
    private func makeSecondVersion(_ drafts: [DocumentDraft]) async throws {
        let store = try openStore(folder.path())
        _ = try await store.put(drafts, model: fingerprint)
        store.close()
        let queue = try DatabaseQueue(path: folder.path())
        try await queue.writeWithoutTransaction { db in
            let column = "document_id INTEGER NOT NULL"
            let version = try #require(try Int.fetchOne(db, sql: "PRAGMA schema_version"))
            try db.execute(
                sql: """
                    PRAGMA writable_schema = ON;
                    UPDATE sqlite_schema SET
                        sql = replace(sql, '\(column)', '\(column) REFERENCES document (id)')
                        WHERE name = 'metadata_value';
                    PRAGMA schema_version = \(version + 1);
                    PRAGMA writable_schema = OFF;
                    DELETE FROM grdb_migrations WHERE identifier IN ('3', '4');
                    PRAGMA user_version = 2;
                    """)
        }
        try queue.close()
    }

    /// The tables whose rows a deletion elsewhere has to be looked for in, without an index for it.
    private func unindexedReferences() async throws -> [String] {
        let queue = try DatabaseQueue(path: folder.path())
        defer { try? queue.close() }
        return try await queue.read { db in
            let tables = try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
            return try tables.filter { table in
                let keys = Set(try db.primaryKey(table).columns.prefix(1))
                let indexed = Set(try db.indexes(on: table).compactMap(\.columns.first))
                let columns = try db.foreignKeys(on: table).map(\.originColumns)
                // Models are only deleted by compaction, which reads everything.
                return columns.contains {
                    $0 != ["model_id"] && !keys.union(indexed).contains($0[0])
                }
            }
        }
    }

    @Test("metadata of a file of the second version lose the constraint that made deletions slow")
    func secondVersion() async throws {
        var random = SeededGenerator(seed: 114)
        let drafts = try (0..<20).map {
            try random.draft("d\($0)", metadata: ["n": .integer(Int64($0 % 2))])
        }
        try await makeSecondVersion(drafts)
        #expect(try await unindexedReferences() == ["metadata_value"])
        for _ in 0..<2 {
            let store = try openStore(folder.path())
            let odd = try MetadataFilter(.object(["n": .integer(1)]))
            #expect(try await store.countDocuments(where: odd) == 10)
            store.close()
            #expect(try await unindexedReferences() == [])
        }
        let store = try openStore(folder.path())
        #expect(try await store.delete(ids: drafts.map(\.id)) == 20)
        store.close()
        let queue = try DatabaseQueue(path: folder.path())
        let (check, entries, version) = try await queue.read { db in
            (
                try String.fetchAll(db, sql: "PRAGMA integrity_check"),
                try Int.fetchOne(db, sql: "SELECT count(*) FROM metadata_value"),
                try Int.fetchOne(db, sql: "PRAGMA user_version")
            )
        }
        #expect(check == ["ok"] && entries == 0 && version == 4)
    }

    @Test("what the third version kept at another spelling of a path is found at the right one")
    func thirdVersion() async throws {
        var random = SeededGenerator(seed: 115)
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        var store = try openStore(folder.path())
        _ = try await store.put(
            [
                try random.draft("right", metadata: ["naïve": .integer(1), "n": .integer(1)]),
                try random.draft("wrong", metadata: [decomposed: .integer(1), "n": .integer(2)]),
            ], model: fingerprint)
        store.close()
        let queue = try DatabaseQueue(path: folder.path())
        // The path in its older spelling, and an entry of a document that is gone.
        try await queue.write { db in
            try db.execute(
                sql: "UPDATE metadata_path SET path = ? WHERE path = ?",
                arguments: [Data(composed.utf8), Data(decomposed.utf8)])
            try db.execute(
                sql: """
                    INSERT INTO metadata_value (path_id, kind, value, document_id)
                        SELECT id, 2, 7, 99 FROM metadata_path WHERE path = ?;
                    """, arguments: [Data(composed.utf8)])
            try db.execute(
                sql: """
                    DELETE FROM grdb_migrations WHERE identifier = '4';
                    PRAGMA user_version = 3;
                    """)
        }
        try queue.close()
        for _ in 0..<2 {
            store = try openStore(folder.path())
            for (path, ids) in [
                (composed, []), (decomposed, ["wrong"]), ("naïve", ["right"]),
                ("n", ["right", "wrong"]),
            ] {
                let filter = try MetadataFilter(.object([path: .object(["$exists": .bool(true)])]))
                let found = try await store.list(DocumentQuery(filter: filter))
                #expect(found.documents.map(\.id) == ids, "\(path)")
            }
            store.close()
        }
        store = try openStore(folder.path())
        #expect(try await store.delete(ids: ["right", "wrong"]) == 2)
        store.close()
        let entries = try await DatabaseQueue(path: folder.path()).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM metadata_value")
        }
        #expect(entries == 0)
    }
}
