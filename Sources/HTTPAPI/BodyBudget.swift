import Synchronization

/// What the bodies of all requests that are being answered may take in memory together: each alone is
/// bounded, and many at once are more than a machine has.
final class BodyBudget: Sendable {
    let limit: Int
    private let used = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// One request's part, which is given back with the last reference to it.
    final class Share: Sendable {
        private let budget: BodyBudget
        private let taken = Mutex(0)

        init(of budget: BodyBudget) { self.budget = budget }

        deinit { budget.giveBack(taken.withLock { $0 }) }

        /// Takes so many bytes more; false where there is no room for them.
        func take(_ bytes: Int) -> Bool {
            guard budget.take(bytes) else { return false }
            taken.withLock { $0 += bytes }
            return true
        }
    }

    private func take(_ bytes: Int) -> Bool {
        used.withLock { used in
            guard bytes <= limit - used else { return false }
            used += bytes
            return true
        }
    }

    private func giveBack(_ bytes: Int) { used.withLock { $0 -= bytes } }
}
