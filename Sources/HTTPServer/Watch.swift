import FlyingSocks
import Foundation
import Logging

/// One task for all connections that ends waits whose time is up and notices clients that left.
///
/// A poll of all busy descriptors costs a single system call a tick, where waiting for each
/// request's client would cost several a request; and it sees a client leave behind bytes that
/// nobody has read yet.
struct Watch: Sendable {
    /// `POLLRDHUP` of Linux, which Swift's import of Glibc leaves out.
    private static let readHangUp: Int16 = 0x2000

    let state: ServerState
    let interval: Duration
    private let cancelTimeout: Duration
    private let logger: Logger

    init(state: ServerState, configuration: ServerConfiguration, logger: Logger) {
        self.state = state
        self.logger = logger
        let shortest = [
            configuration.headerTimeout, configuration.bodyProgressTimeout,
            configuration.writeProgressTimeout, configuration.idleTimeout,
            configuration.drainTimeout, configuration.cancelTimeout,
        ].reduce(Duration.milliseconds(400), min)
        cancelTimeout = configuration.cancelTimeout
        interval = max(shortest / 4, .milliseconds(5))
    }

    /// Runs until its task is cancelled.
    func run() async {
        let clock = ContinuousClock()
        var isOverdue = false
        while (try? await clock.sleep(for: interval)) != nil {
            let stage = tick(at: clock.now)
            if stage == .overdue, !isOverdue {
                isOverdue = true
                logger.warning(
                    "the time to drain is over; requests are cut off",
                    metadata: ["connections": .stringConvertible(state.count)])
            }
        }
    }

    private func tick(at now: ContinuousClock.Instant) -> DrainStage {
        let connections = state.connections
        let watched = connections.filter { $0.expire(at: now) }
        for control in departed(watched) { control.peerLeft() }
        state.makeRoom(at: now)
        let stage = state.drainStage(at: now, grace: cancelTimeout)
        switch stage {
        case .running: break
        case .overdue: for connection in connections { connection.interrupt() }
        case .cut: for connection in connections { connection.cancel() }
        case .abandoned: state.abandon()
        }
        return stage
    }

    /// Those of `watched` whose client has closed its side. A descriptor that was closed since, and
    /// may belong to another connection by now, does no harm: its control ignores what follows.
    private func departed(_ watched: [ConnectionControl]) -> [ConnectionControl] {
        if watched.isEmpty { return [] }
        var descriptors = watched.map {
            pollfd(fd: $0.socket.file.rawValue, events: Self.readHangUp, revents: 0)
        }
        guard poll(&descriptors, nfds_t(descriptors.count), 0) > 0 else { return [] }
        let left = Self.readHangUp | Int16(POLLHUP) | Int16(POLLERR)
        return zip(watched, descriptors).filter { $1.revents & left != 0 }.map(\.0)
    }
}
