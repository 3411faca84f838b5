import Synchronization

/// Equal work that is under way at the same time is done once: the first caller does it, the others
/// wait for what comes of it.
///
/// No two callers can wait for each other: each finishes what it took upon itself before it waits
/// for anybody.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let flights = Mutex<[Key: Flight<Value>]>([:])

    /// Nothing is under way.
    package init() {}

    /// How many keys are being worked on.
    package var count: Int { flights.withLock(\.count) }

    /// The value of each key, in their order.
    ///
    /// - Parameters:
    ///   - keys: all different.
    ///   - compute: the values of some of the keys, given by their indices, in the order given. Called
    ///     with those that nobody works on; again with those whose worker failed or left, since its
    ///     failure need not be this caller's.
    /// - Throws: what `compute` throws. A caller whose task is cancelled while it waits stops waiting and
    ///   calls `compute`, whose part it is to throw then.
    package func values<Failure: Error>(
        _ keys: [Key], compute: ([Int]) async throws(Failure) -> [Value]
    ) async throws(Failure) -> [Value] {
        var values: [Value?] = Array(repeating: nil, count: keys.count)
        var pending = Array(keys.indices)
        while !pending.isEmpty {
            if Task.isCancelled {
                // Waits for nobody, and nobody is to wait for it.
                for (index, value) in zip(pending, try await compute(pending)) {
                    values[index] = value
                }
                break
            }
            let (own, others) = claim(pending, keys)
            if !own.isEmpty {
                do throws(Failure) {
                    let computed = try await compute(own)
                    precondition(computed.count == own.count, "a value for each key")
                    for (index, value) in zip(own, computed) {
                        values[index] = value
                        land(keys[index], value)
                    }
                } catch {
                    for index in own { land(keys[index], nil) }
                    throw error
                }
            }
            pending = []
            for (index, flight) in others {
                values[index] = await flight.value()
                if values[index] == nil { pending.append(index) }
            }
        }
        return values.compactMap { $0 }
    }

    /// Parts the keys into those that are now the caller's and those that somebody works on.
    private func claim(
        _ pending: [Int], _ keys: [Key]
    ) -> (own: [Int], others: [(Int, Flight<Value>)]) {
        var own: [Int] = []
        var others: [(Int, Flight<Value>)] = []
        flights.withLock { flights in
            for index in pending {
                if let flight = flights[keys[index]] {
                    others.append((index, flight))
                } else {
                    flights[keys[index]] = Flight()
                    own.append(index)
                }
            }
        }
        return (own, others)
    }

    private func land(_ key: Key, _ value: Value?) {
        flights.withLock { $0.removeValue(forKey: key) }?.land(value)
    }
}

/// One piece of work and those who wait for it.
final class Flight<Value: Sendable>: Sendable {
    private enum State {
        case flying(waiters: [Int: CheckedContinuation<Value?, Never>], next: Int)
        case landed(Value?)
    }

    private let state = Mutex(State.flying(waiters: [:], next: 0))

    /// What came of it; nil when it failed, or when the caller's task is cancelled first.
    func value() async -> Value? {
        let ticket = state.withLock { state -> Int in
            guard case .flying(let waiters, let next) = state else { return -1 }
            state = .flying(waiters: waiters, next: next + 1)
            return next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Value?? = state.withLock { state in
                    switch state {
                    case .landed(let value): return .some(value)
                    case .flying(var waiters, let next):
                        // The cancellation handler may have run before there was anybody to wake.
                        if Task.isCancelled { return .some(nil) }
                        waiters[ticket] = continuation
                        state = .flying(waiters: waiters, next: next)
                        return nil
                    }
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
                guard case .flying(var waiters, let next) = state else { return nil }
                let waiter = waiters.removeValue(forKey: ticket)
                state = .flying(waiters: waiters, next: next)
                return waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    func land(_ value: Value?) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value?, Never>] in
            defer { state = .landed(value) }
            guard case .flying(let waiters, _) = state else { return [] }
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }
}
