import FlyingSocks
import Foundation
package import Logging
import Synchronization

/// An HTTP/1.1 server (RFC 9110, RFC 9112) over TCP or a Unix socket.
///
/// Every limit of its configuration holds for every connection; memory per connection is bounded;
/// nothing blocks a thread of the concurrency pool. While a handler runs, its task is cancelled as
/// soon as its client leaves.
package final class HTTPServer: Sendable {
    private enum Phase {
        case created(waiters: [CheckedContinuation<String, any Error>])
        case listening(String)
        case ended(any Error)
    }

    private let configuration: ServerConfiguration
    private let logger: Logger
    private let handler: @Sendable (ServerRequest) async -> ServerResponse
    private let state: ServerState
    private let phase = Mutex(Phase.created(waiters: []))
    private let hasRun = Mutex(false)

    /// A server that is not listening yet.
    /// - Parameters:
    ///   - configuration: where to listen, limits and times.
    ///   - logger: where refusals (debug) and failures to accept (warning) go.
    ///   - handler: answers one request; many run at a time, one per connection.
    package init(
        configuration: ServerConfiguration, logger: Logger,
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) {
        self.configuration = configuration
        self.logger = logger
        self.handler = handler
        let maximum = DescriptorBudget.connections(
            wanted: configuration.maximumConnections,
            limit: DescriptorBudget.limit(for: configuration.maximumConnections))
        if maximum < configuration.maximumConnections {
            logger.warning("the descriptor limit allows for no more than \(maximum) connections")
        }
        state = ServerState(
            maximumConnections: maximum,
            spoolFiles: SpoolFiles(
                count: DescriptorBudget.spools, maximumBytes: configuration.maximumSpoolBytes))
    }

    /// Listens and serves until `shutdown()` has drained, or until the task is cancelled. Once.
    /// - Throws: `ListenError` when it cannot listen, else what stopped the event loop.
    package func run() async throws {
        let isFirst = hasRun.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else { throw ListenError.stopped }
        do {
            try await withTaskCancellationHandler {
                try await serve()
            } onCancel: {
                state.drain(until: .now)
                for connection in state.connections { connection.cancel() }
            }
            advance(to: .ended(ListenError.stopped))
        } catch {
            advance(to: .ended(error))
            throw error
        }
    }

    /// Stops accepting, ends idle connections, and gives what runs `drainTimeout` to finish.
    /// Returns at once; `run()` returns when the drain is complete.
    package func shutdown() async {
        if !state.isDraining {
            logger.notice("draining", metadata: ["connections": .stringConvertible(state.count)])
        }
        state.drain(until: .now + configuration.drainTimeout)
    }

    /// Whether `shutdown()` has been called.
    package var isDraining: Bool { state.isDraining }

    /// The number of open connections.
    package var connectionCount: Int { state.count }

    /// Waits until the server listens.
    /// - Returns: `127.0.0.1:8080`, `[::1]:8080` with the real port, or `unix:/path`.
    /// - Throws: why it does not listen, or no longer.
    package func waitUntilListening() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<String, any Error>? = phase.withLock { phase in
                switch phase {
                case .created(let waiters):
                    phase = .created(waiters: waiters + [continuation])
                    return nil
                case .listening(let address): return .success(address)
                case .ended(let error): return .failure(error)
                }
            }
            if let result { continuation.resume(with: result) }
        }
    }

    private func advance(to next: Phase) {
        let waiters = phase.withLock { phase -> [CheckedContinuation<String, any Error>] in
            defer { phase = next }
            if case .created(let waiters) = phase { return waiters }
            return []
        }
        for waiter in waiters {
            switch next {
            case .created: break
            case .listening(let address): waiter.resume(returning: address)
            case .ended(let error): waiter.resume(throwing: error)
            }
        }
    }

    private func serve() async throws {
        if state.isDraining { return }
        await DescriptorBudget.claimTimers()
        let pool = SocketPool<ePoll>.ePoll(maxEvents: 256)
        try await pool.prepare()
        let listener = try Listener(configuration.address)
        let acceptor = Acceptor(
            listener: listener, pool: pool, configuration: configuration, state: state,
            logger: logger, handler: handler)
        // Not children of this task: its cancellation ends connections first and these last.
        let events = Task { [state] () -> (any Error)? in
            do {
                try await pool.run()
                return nil
            } catch {
                if Task.isCancelled { return nil }
                // Without events nothing can go on.
                state.drain(until: .now)
                return error
            }
        }
        let watch = Task { [state, configuration, logger] in
            await Watch(state: state, configuration: configuration, logger: logger).run()
        }
        let accepting = Task { await acceptor.run() }
        state.onDrain { accepting.cancel() }
        advance(to: .listening(listener.address))
        logger.info("listening", metadata: ["address": "\(listener.address)"])

        await accepting.value
        listener.close()
        await state.waitUntilEmpty()
        if state.count > 0 {
            logger.warning("\(state.count) connections ignored their cancellation")
        }
        watch.cancel()
        events.cancel()
        if let error = await events.value { throw error }
    }
}
