import FlyingSocks
import Foundation
import Logging

/// The accept loop: never ends before the server drains, never spins.
struct Acceptor: Sendable {
    let listener: Listener
    let pool: any AsyncSocketPool
    let configuration: ServerConfiguration
    let state: ServerState
    let logger: Logger
    let handler: @Sendable (ServerRequest) async -> ServerResponse

    /// Accepts until its task is cancelled.
    func run() async {
        var backoff = AcceptBackoff()
        var isFailing = false
        while !Task.isCancelled {
            // Who waits for a slot is there: idle connections make room for nobody else.
            if !state.hasSlot { await waitForClient() }
            await state.waitForSlot()
            if Task.isCancelled || state.isDraining { return }
            do {
                let (file, address) = try listener.socket.accept()
                open(Socket(file: file), from: address)
                backoff.succeeded()
                isFailing = false
            } catch SocketError.blocked {
                await waitForClient()
            } catch {
                var code: Int32 = 0
                if case SocketError.failed(_, let errno, _) = error { code = errno }
                let wait = backoff.failed(code)
                if !isFailing {
                    isFailing = true
                    logger.warning("accepting a connection failed: \(error)")
                }
                if wait > .zero { try? await Task.sleep(for: wait) }
            }
        }
    }

    private func waitForClient() async {
        do {
            try await pool.suspendSocket(listener.socket, untilReadyFor: .read)
        } catch is CancellationError {
            return
        } catch {
            // The pool refuses, or reports an error that `accept` did not: try again, slowly.
            try? await Task.sleep(for: AcceptBackoff.longest)
        }
    }

    private func open(_ socket: Socket, from address: sockaddr_storage) {
        do {
            try socket.setFlags(.nonBlocking)
            if listener.isTCP {
                let noDelay = BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY)
                try socket.setValue(true, for: noDelay)
            }
        } catch {
            // The client is gone already.
            try? socket.close()
            return
        }
        let control = ConnectionControl(
            socket: socket, writeTimeout: configuration.writeProgressTimeout)
        let stream = ConnectionStream(control: control, pool: pool)
        let remote = listener.isTCP ? try? Socket.makeAddress(from: address) : nil
        let connection = Connection(
            stream: stream, remoteAddress: remote.flatMap(Listener.text),
            configuration: configuration, state: state, logger: logger, handler: handler)
        state.insert(control)
        control.attach(Task { await connection.run() })
    }
}
