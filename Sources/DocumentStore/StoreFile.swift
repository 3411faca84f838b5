import Foundation
import GRDB
import Glibc

/// A path that is to become an open database: looked at first, opened only when it is ours.
struct StoreFile {
    /// The absolute path, which SQLite cannot take for a URI or for one of its special names. It leads
    /// to the file by no link: the write-ahead log lies beside the file itself.
    let path: String
    private let options: StoreOptions

    init(path: String, options: StoreOptions) {
        self.path = Self.resolved(
            URL(filePath: path).standardizedFileURL.path(percentEncoded: false))
        self.options = options
    }

    /// At most so many links are followed, as by the system.
    private static let maximumLinks = 40

    /// The path of the file, or of the one to be made, that `path` leads to by way of links; `path`
    /// itself where that is no place for a file.
    private static func resolved(_ path: String) -> String {
        var url = URL(filePath: path, directoryHint: .notDirectory)
        var info = stat()
        if stat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFREG else { return path }
            return realPath(path) ?? path
        }
        // Neither the file nor what the last of its links names is there.
        for _ in 0..<maximumLinks {
            let folder = url.deletingLastPathComponent()
            guard let real = realPath(folder.path(percentEncoded: false)) else {
                return url.path(percentEncoded: false)
            }
            let place = URL(filePath: real, directoryHint: .isDirectory)
            let file = place.appending(
                path: url.lastPathComponent, directoryHint: .notDirectory
            ).path(percentEncoded: false)
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: file)
            else { return file }
            url =
                URL(filePath: target, directoryHint: .notDirectory, relativeTo: place)
                .absoluteURL
        }
        return path
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Opens the file, makes it when there is none, and brings it to the current version. Waits
    /// for other processes up to the busy timeout. A file that is not ours, or is newer, is only
    /// read, but SQLite may leave its two empty companions (`-wal`, `-shm`) beside it.
    func connect() throws(StoreError) -> DatabasePool {
        let deadline = ContinuousClock.now + .seconds(options.busyTimeout)
        while true {
            do {
                return try attempt()
            } catch {
                let error = StoreError(error, path: path)
                // SQLite answers at once, whatever the timeout, where waiting could be a deadlock.
                guard case .locked = error, ContinuousClock.now < deadline else { throw error }
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
    }

    private func attempt() throws -> DatabasePool {
        try checkPath()
        try checkIdentity()
        let pool = try DatabasePool(path: path, configuration: configuration(readonly: false))
        do {
            try prepare(pool)
        } catch {
            throw pool.writeWithoutTransaction { StoreError(error, path: path, metBy: $0) }
        }
        return pool
    }

    private func prepare(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            // Once more, now that a log left by a killed process is part of what is read.
            try accept(StoreSchema.identity(db))
            // GRDB chooses NORMAL, which may lose the last commits when the power fails.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2,
                try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal"
            else { throw StoreError.other(path: path, detail: "no durable commits here") }
            // The log may grow past this while a transaction needs it, and shrinks again.
            try db.execute(sql: "PRAGMA journal_size_limit = \(16 << 20)")
            if let bytes = options.maximumBytes { try CacheRoom.bound(db, to: bytes) }
        }
        try migrate(pool)
        if let tokenizer = options.tokenizer { try choose(tokenizer, pool) }
    }

    private func configuration(readonly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.label = "store"
        configuration.readonly = readonly
        configuration.maximumReaderCount = options.readerCount
        configuration.busyMode = .timeout(options.busyTimeout)
        configuration.persistentReadOnlyConnections = true
        // GRDB gives the readers of a pool ten seconds, whatever the mode above says.
        let milliseconds = Int(options.busyTimeout * 1000)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA busy_timeout = \(milliseconds)")
            // Counts for a file without tables: from then on, free pages can leave it at any time.
            if !db.configuration.readonly {
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            }
        }
        return configuration
    }

    /// Another process may run the same migrations at the same moment; the one that comes second
    /// with one of them fails on it, finds it done, and goes on with the rest.
    private func migrate(_ pool: DatabasePool) throws {
        let migrator = StoreSchema.migrator(path: path)
        var known = try pool.read { try migrator.appliedMigrations($0).count }
        while true {
            do {
                return try migrator.migrate(pool)
            } catch {
                let done = try pool.read { try migrator.appliedMigrations($0).count }
                guard done > known else { throw error }
                known = done
            }
        }
    }

    private func choose(_ tokenizer: TextIndexTokenizer, _ pool: DatabasePool) throws {
        guard try pool.read({ try TextIndexTokenizer(of: $0) }) != tokenizer else { return }
        try pool.write { db in
            // Another process may have been faster.
            guard try TextIndexTokenizer(of: db) != tokenizer else { return }
            try db.execute(
                sql: "DROP TABLE text_index; \(tokenizer.tableDefinition);"
                    + "INSERT INTO text_index (text_index) VALUES ('rebuild')")
        }
    }

    /// Reads whose file it is through a connection that cannot write.
    private func checkIdentity() throws {
        var info = stat()
        guard stat(path, &info) == 0, info.st_size > 0 else { return }
        // No page is smaller; and SQLite takes a file of one byte for an empty one.
        guard info.st_size >= 512 else { throw StoreError.notADatabase(path: path) }
        let queue = try DatabaseQueue(path: path, configuration: configuration(readonly: true))
        let identity = try queue.read { try StoreSchema.identity($0) }
        try queue.close()
        try accept(identity)
    }

    private func accept(_ identity: StoreSchema.Identity) throws(StoreError) {
        switch identity {
        case .empty: return
        case .ours(let version) where version <= StoreSchema.version: return
        case .ours(let version):
            throw .newerVersion(path: path, found: version, supported: StoreSchema.version)
        case .foreign(let id): throw .notOurs(path: path, applicationID: id)
        }
    }

    /// Whether there is a regular file, or can be one, that this process may write, in a folder
    /// that it may write: SQLite alone would say "unable to open" for each of these.
    private func checkPath() throws(StoreError) {
        var info = stat()
        if stat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
            // No descriptor is opened here: closing one would drop the locks that another
            // connection of this process holds on the same file.
            if access(path, R_OK | W_OK) != 0 { throw error(errno) }
        } else {
            guard errno == ENOENT else { throw error(errno) }
            // An empty file is an empty database.
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if descriptor >= 0 {
                close(descriptor)
            } else if errno != EEXIST {
                throw error(errno)
            }
        }
        // The write-ahead log is made beside the file.
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        if access(folder, W_OK | X_OK) != 0 { throw error(errno) }
    }

    private func error(_ code: Int32) -> StoreError {
        switch code {
        case EROFS, EACCES, EPERM: .readOnly(path: path)
        case _ where StoreError.meansNoRoom(code): .full(path: path)
        case EISDIR: .notAFile(path: path)
        default: .other(path: path, detail: String(cString: strerror(code)))
        }
    }
}
