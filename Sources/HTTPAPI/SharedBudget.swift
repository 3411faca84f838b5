import Synchronization

/// What all requests that are being answered may take together: bytes of their bodies, which each alone
/// are bounded and at once are more than a machine has; or exports, each of which holds files open.
final class SharedBudget: Sendable {
    let limit: Int
    private let used = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// One request's part, which is given back with the last reference to it.
    final class Share: Sendable {
        let budget: SharedBudget
        private let taken = Mutex(0)

        init(of budget: SharedBudget) { self.budget = budget }

        /// How much it took.
        var amount: Int { taken.withLock { $0 } }

        deinit { budget.giveBack(taken.withLock { $0 }) }

        /// Takes so much more; false where there is no room for it.
        func take(_ amount: Int) -> Bool {
            guard budget.take(amount) else { return false }
            taken.withLock { $0 += amount }
            return true
        }

        /// Gives so much of it back.
        func giveBack(_ amount: Int) {
            taken.withLock { $0 -= amount }
            budget.giveBack(amount)
        }
    }

    private func take(_ amount: Int) -> Bool {
        used.withLock { used in
            guard amount <= limit - used else { return false }
            used += amount
            return true
        }
    }

    private func giveBack(_ amount: Int) { used.withLock { $0 -= amount } }
}
