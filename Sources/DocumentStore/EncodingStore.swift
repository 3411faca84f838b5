import Foundation
import GRDB
package import Logging
import Synchronization

/// Encodings and documents in a SQLite file: what was answered once is answered again with the same
/// bytes, and what was put can be listed and searched.
///
/// One writer, readers beside it, in this process and in others. All SQLite work runs on GRDB's
/// own queues, never on Swift's cooperative threads. After `full`, `locked`, `readOnly` and
/// input/output errors the next call tries again, and a damaged row fails what needs it; once a
/// damaged page was met, or the file is not at its path any more, every call throws that and nothing
/// is written.
package final class EncodingStore: Sendable {
    struct Connection: Sendable {
        let pool: DatabasePool
        let writer: GroupCommit
    }

    /// Nil once the store was closed; a call under way keeps the connection it started with.
    private let connection: Mutex<Connection?>
    private let damage = Mutex<StoreError?>(nil)
    let logger: Logger
    let exports = OpenExports()
    let use = CacheUse()
    let recent: RecentEncodings
    let images = VectorImages()
    let options: StoreOptions

    /// The absolute path of the file.
    package let path: String

    private init(pool: DatabasePool, path: String, logger: Logger, options: StoreOptions) {
        self.path = path
        self.logger = logger
        self.options = options
        recent = RecentEncodings(maximumBytes: options.recentBytes)
        connection = Mutex(
            Connection(pool: pool, writer: GroupCommit(pool: pool, path: path)))
    }

    /// Opens the file at `path`, makes it when there is none, and brings an older version to the
    /// current one. Blocks the calling thread. A file that cannot be used is left as it is.
    /// - Throws: the cases of `StoreError` that are about a file.
    package static func open(
        path: String, logger: Logger, options: StoreOptions = StoreOptions()
    ) throws(StoreError) -> EncodingStore {
        let file = StoreFile(path: path, options: options)
        let pool = try file.connect()
        logger.info("store opened", metadata: ["path": "\(file.path)"])
        return EncodingStore(pool: pool, path: file.path, logger: logger, options: options)
    }

    /// Ends the use of the file: later calls throw `closed`, those under way are finished first
    /// and close it then. The last one out moves the write-ahead log into the file. Blocks the
    /// calling thread.
    package func close() {
        let last = connection.withLock { connection in
            defer { connection = nil }
            return connection
        }
        guard let last else { return }
        if damage.withLock({ $0 == nil }), use.hasPending {
            do {
                try last.pool.write { try use.flush($0) }
            } catch {
                logger.warning("uses of the cache not counted: \(StoreError(error, path: path))")
            }
        }
        // The writer answers its callers before it lets go of the file.
        last.pool.writeWithoutTransaction { _ in }
        logger.info("store closed", metadata: ["path": "\(path)"])
    }

    /// Reads what belongs to one moment.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let pool = try current().pool
        do {
            return try await pool.read(body)
        } catch {
            throw noted(StoreError(error, path: path))
        }
    }

    /// Writes in a transaction that may be shared with other callers; returns once it is as durable as
    /// it has to be. Goes through to its end even when the caller's task is cancelled.
    /// - Parameter bytes: about how many are added, which cached encodings make room for; 0 for what may
    ///   use the room that is kept for deletions.
    func write<T: Sendable>(
        makingRoomFor bytes: Int = 0, _ durability: Durability = .synced,
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let writer = try current().writer
        let room = CacheRoom(path: path, options: options, use: use, recent: recent)
        do {
            let result = try await writer.perform(durability) { db in
                try room.make(for: bytes, in: db)
                return try body(db)
            }
            exports.endThoseThatHoldTooMuch()
            return result
        } catch {
            throw noted(error)
        }
    }

    /// Writes what leaves less to be kept. Where the file's largest size is in the way, it passes that: the
    /// text index is told of deletions, and merged, before any room comes of them.
    func writeFreeing<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        do throws(StoreError) {
            return try await write { try body($0) }
        } catch {
            guard case .full = error, options.maximumBytes != nil else { throw error }
        }
        return try await write { db in
            // Until something is put again.
            try CacheRoom.bound(db, to: nil)
            return try body(db)
        }
    }

    /// The connection, for what needs more than a read or a write.
    func current() throws(StoreError) -> Connection {
        if let trouble { throw trouble }
        guard let current = connection.withLock({ $0 }) else { throw .closed(path: path) }
        return current
    }

    /// Why nothing is read or written any more: a damaged page was met, or the file is gone.
    package var trouble: StoreError? { damage.withLock { $0 } }

    /// Remembers the first error that makes every later write a risk.
    func noted(_ error: StoreError) -> StoreError {
        switch error {
        case .corrupt, .notADatabase, .replaced:
            let isFirst = damage.withLock { damage in
                defer { damage = damage ?? error }
                return damage == nil
            }
            if isFirst { logger.error("store not used any more: \(error)") }
        default: break
        }
        return error
    }
}
