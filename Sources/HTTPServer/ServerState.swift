import Synchronization

/// What the connections share: which there are, the files of their spools, and whether the server is
/// draining.
final class ServerState: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: ConnectionControl] = [:]
        var isDraining = false
        var drainDeadline: ContinuousClock.Instant?
        /// When the deadline was first seen to have passed.
        var overdueSince: ContinuousClock.Instant?
        var slotWaiter: CheckedContinuation<Void, Never>?
        var emptyWaiter: CheckedContinuation<Void, Never>?
        var stopAccepting: (@Sendable () -> Void)?
    }

    let spoolFiles: SpoolFiles
    private let maximumConnections: Int
    private let state = Mutex(State())

    init(maximumConnections: Int, spoolFiles: SpoolFiles) {
        self.maximumConnections = maximumConnections
        self.spoolFiles = spoolFiles
    }

    var isDraining: Bool { state.withLock { $0.isDraining } }
    var connections: [ConnectionControl] { state.withLock { Array($0.connections.values) } }
    var count: Int { state.withLock { $0.connections.count } }

    func insert(_ control: ConnectionControl) {
        state.withLock { $0.connections[ObjectIdentifier(control)] = control }
    }

    func remove(_ control: ConnectionControl) {
        let (slot, empty) = state.withLock { state in
            state.connections[ObjectIdentifier(control)] = nil
            let slot = state.slotWaiter
            state.slotWaiter = nil
            var empty: CheckedContinuation<Void, Never>?
            if state.connections.isEmpty {
                empty = state.emptyWaiter
                state.emptyWaiter = nil
            }
            return (slot, empty)
        }
        slot?.resume()
        empty?.resume()
    }

    /// Whether another connection may be accepted now.
    var hasSlot: Bool { state.withLock { $0.connections.count < maximumConnections } }

    /// Returns when another connection may be accepted, or when the server drains.
    func waitForSlot() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isDraining || state.connections.count < maximumConnections { return true }
                state.slotWaiter = continuation
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    /// Ends connections whose last request was the longest time ago, where a client waits to be accepted:
    /// clients keep many of them open, and ask again on a new one.
    func makeRoom(at now: ContinuousClock.Instant) {
        let connections = state.withLock { state in
            state.slotWaiter == nil ? [] : Array(state.connections.values)
        }
        let idle = connections.compactMap { connection in
            connection.idleSince.map { (connection, $0) }
        }
        .filter { now - $0.1 >= Self.leastIdleTime }
        for (connection, _) in idle.sorted(by: { $0.1 < $1.1 }).prefix(maximumConnections / 64 + 1)
        {
            connection.endIfSilent()
        }
    }

    /// How long a connection is left alone: its next request may be on its way.
    private static let leastIdleTime = Duration.milliseconds(500)

    /// Keeps how to stop accepting; does it at once when the server drains already.
    func onDrain(_ stop: @escaping @Sendable () -> Void) {
        let now = state.withLock { state in
            if !state.isDraining { state.stopAccepting = stop }
            return state.isDraining
        }
        if now { stop() }
    }

    /// Stops accepting and ends idle connections; what runs has until `deadline`.
    func drain(until deadline: ContinuousClock.Instant) {
        let (stop, slot) = state.withLock { state in
            state.isDraining = true
            state.drainDeadline = min(state.drainDeadline ?? deadline, deadline)
            let result = (state.stopAccepting, state.slotWaiter)
            state.stopAccepting = nil
            state.slotWaiter = nil
            return result
        }
        stop?()
        slot?.resume()
        for connection in connections { connection.endIfIdle() }
    }

    /// Returns when no connection is left, or when ``abandon()`` gave the rest up.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.connections.isEmpty { return true }
                state.emptyWaiter = continuation
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// What the drain's time has come to at `now`. What is cancelled gets `grace` to say so, and who
    /// ignores that as much again: from when it was cancelled, however late that was noticed.
    func drainStage(at now: ContinuousClock.Instant, grace: Duration) -> DrainStage {
        state.withLock { state in
            guard let deadline = state.drainDeadline, deadline <= now else { return .running }
            let since = state.overdueSince ?? now
            state.overdueSince = since
            let overdue = now - since
            if overdue >= grace * 2 { return .abandoned }
            return overdue >= grace ? .cut : .overdue
        }
    }

    func abandon() {
        let waiter = state.withLock { state in
            let waiter = state.emptyWaiter
            state.emptyWaiter = nil
            return waiter
        }
        waiter?.resume()
    }
}

/// How far a drain is past its time.
enum DrainStage: Sendable {
    /// Not draining, or within the time.
    case running
    /// What still runs has to be cancelled; it may say so to its client.
    case overdue
    /// What could not end has to be cut off.
    case cut
    /// What ignored that is left behind.
    case abandoned
}
