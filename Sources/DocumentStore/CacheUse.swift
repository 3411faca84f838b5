import GRDB
import Synchronization

/// Which cached encodings were answered, and how many keys were found: kept in memory and written
/// along with other writes, so that reading does not become writing.
final class CacheUse: Sendable {
    /// How many seconds old the time of a row's last use may be before a new use counts.
    static let granularity: Int64 = 60

    /// From so many rows on, or so many seconds after the last time, uses are worth a write.
    private static let pendingLimit = 2048
    private static let patience: Int64 = 300

    /// How many seconds after a flush that failed the next one is due at the earliest.
    private static let rest: Int64 = 60

    private struct State: Sendable {
        var usedAt: [Int64: Int64] = [:]
        var hits: Int64 = 0
        var misses: Int64 = 0
        var since: Int64?
        var isFlushing = false
        var restsUntil = Int64.min
    }

    private let state = Mutex(State())

    /// Notes one lookup: for each key its row and the time of its last use, nil for a miss.
    /// Answers whether it is time to flush; then says so no more until that was done or failed.
    func note(_ rows: [(row: Int64, usedAt: Int64)?], now: Int64) -> Bool {
        state.withLock { state in
            for row in rows {
                guard let row else {
                    state.misses += 1
                    continue
                }
                state.hits += 1
                // A time to come was written before the clock went back.
                if now &- row.usedAt >= Self.granularity || row.usedAt > now {
                    state.usedAt[row.row] = now
                }
            }
            let since = min(state.since ?? now, now)
            state.since = since
            state.restsUntil = min(state.restsUntil, now + Self.rest)
            let isDue =
                state.usedAt.count >= Self.pendingLimit || now - since >= Self.patience
            guard isDue, !state.isFlushing, now >= state.restsUntil else { return false }
            state.isFlushing = true
            return true
        }
    }

    /// Notes that the flush which `note` asked for did not come about: a later lookup asks again.
    func noteFailure(now: Int64) {
        state.withLock { state in
            state.isFlushing = false
            state.restsUntil = now + Self.rest
        }
    }

    /// Hits and misses that are not in the file yet.
    var pendingCounts: (hits: Int64, misses: Int64) {
        state.withLock { ($0.hits, $0.misses) }
    }

    /// Whether a flush would write something.
    var hasPending: Bool {
        state.withLock { !$0.usedAt.isEmpty || $0.hits > 0 || $0.misses > 0 }
    }

    /// Writes what was noted, within a transaction; notes it again when that is rolled back.
    func flush(_ db: Database) throws {
        let taken = state.withLock { state in
            defer { state = State() }
            return state
        }
        @Sendable func putBack() {
            state.withLock { state in
                state.usedAt.merge(taken.usedAt) { max($0, $1) }
                state.hits += taken.hits
                state.misses += taken.misses
            }
        }
        db.afterNextTransaction(onCommit: { _ in }, onRollback: { _ in putBack() })
        for (row, usedAt) in taken.usedAt {
            try db.cachedStatement(sql: "UPDATE encoding SET used_at = ? WHERE id = ?")
                .execute(arguments: [usedAt, row])
        }
        if taken.hits > 0 { try Counter.hits.add(taken.hits, in: db) }
        if taken.misses > 0 { try Counter.misses.add(taken.misses, in: db) }
    }
}
