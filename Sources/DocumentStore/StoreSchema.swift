import GRDB

/// The tables of a store and how they came about.
enum StoreSchema {
    /// Marks a file as ours, in the header of the database: the letters "BiGS".
    static let applicationID = 0x4269_4753

    /// The version that this program writes: the number of the last migration.
    static let version = 4

    /// Brings a file of any earlier version, or an empty one, to `version`. A migration is one
    /// transaction and sets the version itself; it is never edited once it was released.
    /// - Parameter path: the file, for errors.
    static func migrator(path: String) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: cachedEncodings)
            try db.execute(
                sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1;")
        }
        migrator.registerMigration("2") { db in
            try db.execute(sql: evictionAndCounters)
            try db.execute(sql: documents)
            try db.execute(sql: TextIndexTokenizer.unicode61.tableDefinition)
            try db.execute(sql: "PRAGMA user_version = 2;")
        }
        migrator.registerMigration("3", foreignKeyChecks: .immediate) { db in
            try removeReference(to: "document (id)", from: "metadata_value", db)
            try db.execute(sql: "PRAGMA user_version = 3;")
        }
        migrator.registerMigration("4") { db in
            try MetadataTable.restorePathsBeyondASCII(path: path, in: db)
            try db.execute(sql: "PRAGMA user_version = 4;")
        }
        return migrator
    }

    /// Takes a constraint out of a table's definition, by the steps that SQLite's manual gives for
    /// it: the rows stay as they are, however many. The table of metadata has no index by document,
    /// so with the constraint each deletion of a document read all of it.
    private static func removeReference(
        to parent: String, from table: String, _ db: Database
    ) throws {
        let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
        try db.execute(sql: "PRAGMA writable_schema = ON")
        try db.execute(
            sql: """
                UPDATE sqlite_schema SET sql = replace(sql, ?, '')
                WHERE type = 'table' AND name = ?
                """, arguments: [" REFERENCES \(parent)", table])
        // Every connection reads the definitions again.
        try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
        try db.execute(sql: "PRAGMA writable_schema = OFF")
    }

    private static let cachedEncodings = """
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
        """

    /// `used_at` is when the row was last answered, in seconds, give or take
    /// `CacheUse.granularity`.
    private static let evictionAndCounters = """
        ALTER TABLE encoding ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
        UPDATE encoding SET used_at = created_at;
        CREATE INDEX encoding_by_use ON encoding (used_at);
        CREATE INDEX encoding_by_age ON encoding (created_at);
        CREATE TABLE counter (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
        ) WITHOUT ROWID;
        """

    /// A change to documents carries the number of its transaction, `revision`, which the images
    /// that searches scan follow; `removed` names the documents whose older rows are gone. Texts,
    /// vectors and states have tables of their own so that lists and filters do not read past them.
    private static let documents = """
        CREATE TABLE document (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            text_hash BLOB NOT NULL CHECK (length(text_hash) = 32),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            metadata TEXT NOT NULL
        );
        CREATE INDEX document_by_creation ON document (created_at, name);
        CREATE INDEX document_by_update ON document (updated_at, name);
        CREATE TABLE document_text (
            id INTEGER PRIMARY KEY REFERENCES document (id),
            text BLOB NOT NULL
        );
        CREATE TABLE document_encoding (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            document_id INTEGER NOT NULL REFERENCES document (id),
            model_id INTEGER NOT NULL REFERENCES model (id),
            revision INTEGER NOT NULL,
            options TEXT NOT NULL,
            tokens INTEGER NOT NULL,
            tokens_used INTEGER NOT NULL,
            encoded_at INTEGER NOT NULL,
            digest INTEGER NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (document_id, model_id)
        );
        CREATE INDEX document_encoding_by_revision ON document_encoding (model_id, revision);
        CREATE TABLE passage (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            encoding_id INTEGER NOT NULL REFERENCES document_encoding (id),
            granularity TEXT NOT NULL,
            start_at INTEGER NOT NULL,
            end_at INTEGER NOT NULL,
            digest INTEGER NOT NULL,
            vector BLOB NOT NULL
        );
        CREATE INDEX passage_by_encoding ON passage (encoding_id);
        CREATE TABLE token_state (
            encoding_id INTEGER PRIMARY KEY REFERENCES document_encoding (id),
            format TEXT NOT NULL,
            columns INTEGER NOT NULL,
            digest INTEGER NOT NULL,
            offsets BLOB NOT NULL,
            states BLOB NOT NULL
        );
        CREATE TABLE removed (
            revision INTEGER NOT NULL,
            document_id INTEGER NOT NULL
        );
        CREATE INDEX removed_by_revision ON removed (revision);
        CREATE TABLE metadata_path (
            id INTEGER PRIMARY KEY,
            path BLOB NOT NULL UNIQUE
        );
        CREATE TABLE metadata_value (
            path_id INTEGER NOT NULL REFERENCES metadata_path (id),
            kind INTEGER NOT NULL,
            value NOT NULL,
            document_id INTEGER NOT NULL REFERENCES document (id),
            PRIMARY KEY (path_id, kind, value, document_id)
        ) WITHOUT ROWID;
        """

    /// Whose a database is, and of which version.
    enum Identity: Equatable {
        case empty
        case ours(version: Int)
        case foreign(applicationID: Int)
    }

    /// Reads the identity from the header and the list of tables.
    static func identity(_ db: Database) throws -> Identity {
        let id = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if id == applicationID { return .ours(version: version) }
        // A process that was killed between its first two transactions leaves the migrator's
        // own empty table.
        let tables =
            try Int.fetchOne(
                db,
                sql: "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE '%grdb_migrations%'"
            ) ?? 0
        return id == 0 && version == 0 && tables == 0 ? .empty : .foreign(applicationID: id)
    }
}

/// How the text index tells words apart.
package enum TextIndexTokenizer: String, Sendable, CaseIterable {
    /// Letters and digits of Unicode make words; case and accents do not count.
    case unicode61
    /// The same, and English words are reduced to their stems by Porter's rules.
    case porter

    /// What the index of this file was made with.
    init?(of db: Database) throws {
        let sql = try String.fetchOne(
            db, sql: "SELECT sql FROM sqlite_master WHERE name = 'text_index'")
        guard let sql else { return nil }
        self = sql.contains("porter") ? .porter : .unicode61
    }

    /// The index over `document_text`, which it reads texts from and keeps no copy of.
    var tableDefinition: String {
        let tokenizer = self == .porter ? "porter unicode61" : "unicode61"
        return """
            CREATE VIRTUAL TABLE text_index USING fts5(
                text, content = 'document_text', content_rowid = 'id', tokenize = '\(tokenizer)')
            """
    }
}
