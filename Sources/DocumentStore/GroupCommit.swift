import GRDB
import Synchronization

/// The one writer. Callers that come while a transaction is being written wait, and all of them
/// share the next one: a sync of the disk is paid per group, not per caller, and only where one of
/// the group asks for it.
final class GroupCommit: Sendable {
    /// One caller's part of a group.
    private struct Call: Sendable {
        /// Writes; what it leaves in its caller's hands counts only once `finish` got nil.
        let body: @Sendable (Database) throws -> Void
        let durability: Durability
        let finish: @Sendable (StoreError?) -> Void
    }

    private struct State: Sendable {
        var waiting: [Call] = []
        var isWriting = false
        /// What the connection is set to.
        var durability = Durability.synced
    }

    private let pool: DatabasePool
    private let path: String
    private let files: OpenedFiles
    private let state = Mutex(State())

    init(pool: DatabasePool, path: String) {
        self.pool = pool
        self.path = path
        files = OpenedFiles(path: path)
    }

    /// Runs `body` in a transaction, and returns its result once that is as durable as it has to be. It
    /// may run more than once; all of it is kept or nothing. Cancelling the caller does not stop it.
    func perform<T: Sendable>(
        _ durability: Durability = .synced, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let box = Box<T>()
        let failure: StoreError? = await withCheckedContinuation { continuation in
            let call = Call(
                body: { db in
                    let value = try body(db)
                    box.value.withLock { $0 = value }
                },
                durability: durability,
                finish: { continuation.resume(returning: $0) })
            let mustStart = state.withLock { state in
                state.waiting.append(call)
                defer { state.isWriting = true }
                return !state.isWriting
            }
            if mustStart {
                pool.asyncWriteWithoutTransaction { db in self.writeAll(db) }
            }
        }
        if let failure { throw failure }
        guard let value = box.value.withLock({ $0 }) else {
            throw .other(path: path, detail: "a write ended without a result")
        }
        return value
    }

    private final class Box<T: Sendable>: Sendable {
        let value = Mutex<T?>(nil)
    }

    /// Runs on the writer's own queue until no caller waits.
    private func writeAll(_ db: Database) {
        while true {
            let group = state.withLock { state in
                defer { state.waiting = [] }
                state.isWriting = !state.waiting.isEmpty
                return state.waiting
            }
            if group.isEmpty { return }
            let failure = write(group, db)
            if let failure, group.count > 1, failure.mayBeOneCalls {
                for call in group { call.finish(write([call], db)) }
            } else {
                for call in group { call.finish(failure) }
            }
        }
    }

    private func write(_ group: [Call], _ db: Database) -> StoreError? {
        do {
            try set(group.contains { $0.durability == .synced } ? .synced : .written, db)
            try db.inTransaction(.immediate) {
                for call in group { try call.body(db) }
                return .commit
            }
            guard files.areInPlace else { return .replaced(path: path) }
            giveBack(db)
            return nil
        } catch {
            return StoreError(error, path: path, metBy: db)
        }
    }

    /// Says how durable the next transaction is. Only this writer changes it.
    private func set(_ durability: Durability, _ db: Database) throws {
        guard state.withLock({ $0.durability }) != durability else { return }
        try db.execute(sql: "PRAGMA synchronous = \(durability.rawValue)")
        state.withLock { $0.durability = durability }
    }

    /// Lets free pages leave the file once they are many, some at a time. Nothing that was written
    /// depends on it, so its errors are nobody's: the next write tries again.
    private func giveBack(_ db: Database) {
        guard let free = try? Int.fetchOne(db.cachedStatement(sql: "PRAGMA freelist_count")),
            free >= Self.freePageLimit,
            let pages = try? Int.fetchOne(db.cachedStatement(sql: "PRAGMA page_count")),
            free > pages / 8
        else { return }
        try? db.execute(sql: "PRAGMA incremental_vacuum(\(Self.freePageLimit))")
    }

    private static let freePageLimit = 512
}

/// What a transaction outlives, in SQLite's words: with a write-ahead log either leaves a whole file.
enum Durability: String, Sendable {
    /// The machine's end too: the log is synced to the disk.
    case synced = "FULL"
    /// The process's end: the log is with the system, which writes it in its own time.
    case written = "NORMAL"
}

extension StoreError {
    /// Whether a group may fail with this for what one of its calls wants; the others are then
    /// tried without it. Another process that holds the file is waited for once, not once a call.
    fileprivate var mayBeOneCalls: Bool {
        switch self {
        case .full, .invalid, .damagedRow, .other: true
        default: false
        }
    }
}
