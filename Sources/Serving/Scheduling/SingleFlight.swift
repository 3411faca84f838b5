import Synchronization

/// Equal work that is under way at the same time is done once: the first caller does it, the others
/// wait for what comes of it.
///
/// No two callers can wait for each other: each finishes what it took upon itself before it waits
/// for anybody. Who waits for one key of many need not wait for the others: see `Arrivals`.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// A value that whoever needs it makes of what is there; nil where that fails.
    package typealias Late = @Sendable () -> Value?

    private let flights = Mutex<[Key: Flight<Late>]>([:])

    /// Where work tells of values that are there before all of them are.
    package struct Arrivals: Sendable {
        /// None where nobody is to wait.
        private let flights: [Flight<Late>]

        fileprivate init(_ flights: [Flight<Late>]) { self.flights = flights }

        /// Gives those who wait for one of the keys, and who will, its value.
        /// - Parameter position: the key's place among those that are computed.
        package func arrive(_ position: Int, _ value: @escaping Late) {
            if flights.indices.contains(position) { flights[position].land(value) }
        }
    }

    /// Nothing is under way.
    package init() {}

    /// How many keys are being worked on.
    package var count: Int { flights.withLock(\.count) }

    /// The value of each key, in their order.
    ///
    /// - Parameters:
    ///   - keys: all different.
    ///   - compute: the values of some of the keys, given by their indices, in the order given; it may
    ///     tell of each as it arrives. Called with those that nobody works on; again with those whose
    ///     worker failed or left, since its failure need not be this caller's.
    /// - Throws: what `compute` throws. A caller whose task is cancelled while it waits stops waiting and
    ///   calls `compute`, whose part it is to throw then.
    package func values<Failure: Error>(
        _ keys: [Key], compute: ([Int], Arrivals) async throws(Failure) -> [Value]
    ) async throws(Failure) -> [Value] {
        var values: [Value?] = Array(repeating: nil, count: keys.count)
        var pending = Array(keys.indices)
        while !pending.isEmpty {
            if Task.isCancelled {
                // Waits for nobody, and nobody is to wait for it.
                for (index, value) in zip(pending, try await compute(pending, Arrivals([]))) {
                    values[index] = value
                }
                break
            }
            let (own, others) = claim(pending, keys)
            if !own.isEmpty {
                do throws(Failure) {
                    let computed = try await compute(
                        own.map(\.index), Arrivals(own.map(\.flight)))
                    precondition(computed.count == own.count, "a value for each key")
                    for ((index, _), value) in zip(own, computed) {
                        values[index] = value
                        land(keys[index]) { value }
                    }
                } catch {
                    for (index, _) in own { land(keys[index], nil) }
                    throw error
                }
            }
            pending = []
            for (index, flight) in others {
                values[index] = await flight.value()?()
                if values[index] == nil { pending.append(index) }
            }
        }
        return values.compactMap { $0 }
    }

    /// Parts the keys into those that are now the caller's and those that somebody works on.
    private func claim(
        _ pending: [Int], _ keys: [Key]
    ) -> (own: [(index: Int, flight: Flight<Late>)], others: [(Int, Flight<Late>)]) {
        var own: [(index: Int, flight: Flight<Late>)] = []
        var others: [(Int, Flight<Late>)] = []
        flights.withLock { flights in
            for index in pending {
                if let flight = flights[keys[index]] {
                    others.append((index, flight))
                } else {
                    let flight = Flight<Late>()
                    flights[keys[index]] = flight
                    own.append((index, flight))
                }
            }
        }
        return (own, others)
    }

    private func land(_ key: Key, _ value: Late?) {
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

    /// Wakes who waits; what lands last is what later callers get.
    func land(_ value: Value?) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value?, Never>] in
            defer { state = .landed(value) }
            guard case .flying(let waiters, _) = state else { return [] }
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }
}
