import FlyingSocks
import Foundation
import Synchronization

/// What others may do to a connection from outside its actor: time it out, cancel it, close it.
///
/// The connection says what it is waiting for; the ``Watch`` ends waits that took too long by
/// shutting the socket down, which wakes the reader or writer without a timer for every wait.
/// The lock also keeps the descriptor from being closed, and taken by another connection, while
/// somebody else is using it.
final class ConnectionControl: Sendable {
    private struct State {
        var readDeadline: ContinuousClock.Instant?
        var writeDeadline: ContinuousClock.Instant?
        /// The longest wait for the client to take bytes; nil while it need not take any.
        var writeTimeout: Duration?
        var isWriting = false
        var isIdle = false
        /// Since when it waits for another request.
        var idleSince: ContinuousClock.Instant?
        var isHandling = false
        var timedOut = false
        var isClosed = false
        var isCancelled = false
        var task: Task<Void, Never>?
    }

    let socket: Socket
    private let state: Mutex<State>

    init(socket: Socket, writeTimeout: Duration) {
        self.socket = socket
        state = Mutex(State(writeTimeout: writeTimeout))
    }

    /// Says which task serves the connection.
    func attach(_ task: Task<Void, Never>) {
        let cancelNow = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if cancelNow { task.cancel() }
    }

    /// Begins a wait for bytes that ends at `deadline`; `idle`: for a request, and `again`, for another one.
    func beginReading(
        until deadline: ContinuousClock.Instant, idle: Bool = false, again: Bool = false
    ) {
        state.withLock { state in
            state.readDeadline = deadline
            state.isIdle = idle
            state.idleSince = idle && again ? .now : nil
        }
    }

    func endReading() {
        state.withLock { state in
            state.readDeadline = nil
            state.isIdle = false
            state.idleSince = nil
        }
    }

    /// Begins a wait for the client to take bytes.
    func beginWriting() {
        state.withLock { state in
            state.isWriting = true
            state.writeDeadline = state.writeTimeout.map { .now + $0 }
        }
    }

    func endWriting() {
        state.withLock { state in
            state.isWriting = false
            state.writeDeadline = nil
        }
    }

    /// Changes how long the client may take no bytes; a wait that is under way begins anew.
    func setWriteTimeout(_ timeout: Duration?) {
        state.withLock { state in
            if state.writeTimeout == timeout { return }
            state.writeTimeout = timeout
            state.writeDeadline = state.isWriting ? timeout.map { .now + $0 } : nil
        }
    }

    /// While a handler runs, its client is watched: when it leaves, the task is cancelled.
    func setHandling(_ isHandling: Bool) {
        state.withLock { $0.isHandling = isHandling }
    }

    /// Whether a wait ended because of its deadline.
    var timedOut: Bool { state.withLock { $0.timedOut } }

    /// Ends the waits whose time is up.
    /// - Returns: whether the client has to be watched.
    func expire(at now: ContinuousClock.Instant) -> Bool {
        let (watched, task) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            if state.isClosed { return (false, nil) }
            if let deadline = state.writeDeadline, deadline <= now {
                state.writeDeadline = nil
                state.timedOut = true
                shut(SHUT_RDWR)
                return (false, state.task)
            }
            if let deadline = state.readDeadline, deadline <= now {
                state.readDeadline = nil
                state.timedOut = true
                shut(SHUT_RD)
            }
            // Whom this end stopped listening to did not leave.
            return (state.isHandling && state.readDeadline == nil && !state.timedOut, nil)
        }
        task?.cancel()
        return watched
    }

    /// Cancels the handler because the client was seen to leave while it ran.
    func peerLeft() {
        let task = state.withLock { $0.isHandling && !$0.isClosed ? $0.task : nil }
        task?.cancel()
    }

    /// Ends an idle connection: no further request is accepted on it.
    func endIfIdle() {
        state.withLock { state in
            if state.isIdle && !state.isClosed { shut(SHUT_RD) }
        }
    }

    /// The same, unless its next request has begun to arrive.
    func endIfSilent() {
        state.withLock { state in
            guard state.isIdle, !state.isClosed else { return }
            var descriptor = pollfd(
                fd: socket.file.rawValue, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, 0) == 0 { shut(SHUT_RD) }
        }
    }

    /// Since when the connection waits for another request; nil while it does not.
    var idleSince: ContinuousClock.Instant? { state.withLock { $0.idleSince } }

    /// Cancels what the connection is doing and lets it read nothing more; an answer may still leave.
    func interrupt() { cancel(SHUT_RD) }

    /// Ends the connection whatever it is doing.
    func cancel() { cancel(SHUT_RDWR) }

    private func cancel(_ how: some BinaryInteger) {
        let task = state.withLock { state in
            state.isCancelled = true
            if !state.isClosed { shut(how) }
            return state.task
        }
        task?.cancel()
    }

    /// Says that nothing more will be sent.
    func finishWriting() { state.withLock { if !$0.isClosed { shut(SHUT_WR) } } }

    /// Closes the descriptor, once.
    func close() {
        state.withLock { state in
            if state.isClosed { return }
            state.isClosed = true
            state.task = nil
            try? socket.close()
        }
    }

    private func shut(_ how: some BinaryInteger) {
        _ = shutdown(socket.file.rawValue, Int32(how))
    }
}
