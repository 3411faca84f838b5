import Synchronization

/// What all requests that are being answered may take together: bytes of their bodies, which each alone
/// are bounded and at once are more than a machine has; or exports, each of which holds files open.
final class SharedBudget: Sendable {
    private struct Waiter {
        let id: UInt64
        let amount: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var used = 0
        /// In the order in which they came.
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
        /// Of those that gave up before they waited.
        var cancelled: Set<UInt64> = []
    }

    let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// How many wait for room.
    var waiting: Int { state.withLock { $0.waiters.count } }

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

        /// Takes memory for values that are made of a body, whose own bytes are counted elsewhere; or why
        /// there is none: what alone has too many is not to be sent again.
        func refusal(ofTaking amount: Int, besideBody bodyBytes: Int, called name: String)
            -> APIError?
        {
            if take(amount) { return nil }
            return bodyBytes + self.amount + amount > budget.limit
                ? .validation(field: name, "has too many values to be read")
                : .bodiesFull(budget.limit)
        }

        /// Takes so much, at most the whole budget, when there is room for it and those that came before
        /// have theirs; false where the task was cancelled first.
        func wait(for amount: Int) async -> Bool {
            guard await budget.wait(for: amount) else { return false }
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
        state.withLock { state in
            guard amount <= limit - state.used else { return false }
            state.used += amount
            return true
        }
    }

    private func wait(for amount: Int) async -> Bool {
        precondition(amount <= limit, "nobody could give so much back")
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.contains(id) { return false }
                    if state.waiters.isEmpty, amount <= limit - state.used {
                        state.used += amount
                        return true
                    }
                    state.waiters.append(
                        Waiter(id: id, amount: amount, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let (waiter, served) = state.withLock { state -> (Waiter?, [Waiter]) in
                guard let place = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return (nil, [])
                }
                return (state.waiters.remove(at: place), serve(&state))
            }
            waiter?.continuation.resume(returning: false)
            for waiter in served { waiter.continuation.resume(returning: true) }
        }
    }

    private func giveBack(_ amount: Int) {
        let served = state.withLock { state in
            state.used -= amount
            return serve(&state)
        }
        for waiter in served { waiter.continuation.resume(returning: true) }
    }

    /// Takes for those that wait, in their order, as long as there is room.
    private func serve(_ state: inout State) -> [Waiter] {
        var served: [Waiter] = []
        while let first = state.waiters.first, first.amount <= limit - state.used {
            state.used += first.amount
            served.append(state.waiters.removeFirst())
        }
        return served
    }
}
