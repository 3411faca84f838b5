import Synchronization

/// Writes to the cache, which an answer waits for only as long as the store is quick.
///
/// What is found in the next request is mostly there within milliseconds. A store that compacts, or
/// whose file another process holds, takes seconds: the answer is right without it, and the write goes
/// on by itself.
final class CacheWrites: Sendable {
    private struct State {
        /// What writes under way hold.
        var bytes = 0
        /// Whether the last that is known is a write that took too long: nobody waits for the next.
        var isSlow = false
    }

    private let state = Mutex(State())
    private let patience: Duration
    private let capacity: Int

    /// - Parameters:
    ///   - patience: how long an answer waits for its write.
    ///   - capacity: the most bytes that writes under way may hold; one alone may hold more.
    init(patience: Duration, capacity: Int = 32 << 20) {
        self.patience = patience
        self.capacity = capacity
    }

    /// Begins a write that holds so many bytes. Returns when it is done, when it takes too long, or when
    /// the caller's task is cancelled, which does not stop it.
    /// - Returns: false, and `write` is not called, where too much is under way already.
    func perform(bytes: Int, _ write: @escaping @Sendable () async -> Void) async -> Bool {
        let isSlow = state.withLock { state -> Bool? in
            guard state.bytes == 0 || state.bytes + bytes <= capacity else { return nil }
            state.bytes += bytes
            return state.isSlow
        }
        guard let isSlow else { return false }
        let end = Flight<Void>()
        Task {
            await write()
            state.withLock { state in
                state.bytes -= bytes
                state.isSlow = false
            }
            end.land(())
        }
        if isSlow { return true }
        let timer = Task {
            try await Task.sleep(for: patience)
            state.withLock { $0.isSlow = $0.bytes > 0 }
            end.land(())
        }
        _ = await end.value()
        timer.cancel()
        return true
    }
}
