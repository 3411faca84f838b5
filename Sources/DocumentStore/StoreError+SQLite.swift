import GRDB
import GRDBSQLite
import Glibc

extension StoreError {
    /// The error that `error`, thrown by GRDB or by a store's own code, means for the file `path`.
    init(_ error: any Error, path: String) {
        self.init(error, path: path, systemErrors: [])
    }

    /// The same of an error that `db` met last: SQLite knows one way to have no room, ENOSPC, and the
    /// system has more.
    init(_ error: any Error, path: String, metBy db: Database) {
        self.init(error, path: path, systemErrors: Self.systemErrors(of: db))
    }

    private init(_ error: any Error, path: String, systemErrors: [Int32]) {
        switch error {
        case let error as StoreError: self = error
        case is CancellationError: self = .cancelled
        case let error as DatabaseError:
            self.init(sqlite: error, path: path, systemErrors: systemErrors)
        default: self = .other(path: path, detail: "\(error)")
        }
    }

    private init(sqlite error: DatabaseError, path: String, systemErrors: [Int32]) {
        let detail = error.message ?? error.resultCode.description
        switch error.extendedResultCode {
        // The index of the write-ahead log grows by ftruncate: no room is its one usual failure.
        case .SQLITE_IOERR_SHMSIZE:
            self = .full(path: path)
            return
        case .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC,
            .SQLITE_IOERR_TRUNCATE, .SQLITE_CANTOPEN:
            guard systemErrors.contains(where: Self.meansNoRoom) else { break }
            self = .full(path: path)
            return
        default: break
        }
        switch error.resultCode {
        case .SQLITE_NOTADB: self = .notADatabase(path: path)
        case .SQLITE_CORRUPT: self = .corrupt(path: path, detail: detail)
        case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(path: path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(path: path)
        case .SQLITE_FULL: self = .full(path: path)
        case .SQLITE_INTERRUPT, .SQLITE_ABORT: self = .cancelled
        default: self = .other(path: path, detail: detail)
        }
    }

    /// The last error that the connection got from the system, or, since SQLite does not hand those of a
    /// commit to the connection in all of its versions, the last ones that its file and its log got. They
    /// are open as long as the connection is, and nobody else uses it now.
    private static func systemErrors(of db: Database) -> [Int32] {
        let connection = db.sqliteConnection
        let own = sqlite3_system_errno(connection)
        // Files never forget theirs.
        if own != 0 { return [own] }
        var (ofFile, ofLog): (Int32, Int32) = (0, 0)
        sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &ofFile)
        var log: UnsafeMutablePointer<sqlite3_file>?
        sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log)
        if let log, let control = log.pointee.pMethods?.pointee.xFileControl {
            _ = control(log, SQLITE_FCNTL_LAST_ERRNO, &ofLog)
        }
        return [ofFile, ofLog]
    }

    /// Whether the disk, a quota or a limit on the size of files is used up.
    static func meansNoRoom(_ code: Int32) -> Bool {
        [ENOSPC, EDQUOT, EFBIG].contains(code)
    }
}
