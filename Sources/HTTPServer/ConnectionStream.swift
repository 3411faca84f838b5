import FlyingSocks
import Foundation

/// Why a connection could not be read from or written to.
enum ConnectionError: Error, Equatable, Sendable {
    case disconnected
    case timeout
}

/// Reads and writes on one non-blocking socket, waiting in the pool and nowhere else.
struct ConnectionStream: Sendable {
    let control: ConnectionControl
    let pool: any AsyncSocketPool

    /// The most bytes handed to the system in one write.
    static let writePiece = 256 * 1024

    private var socket: Socket { control.socket }

    /// What lies in the system's buffer now; nil when nothing does.
    /// - Throws: `.disconnected` at the end of the stream.
    func readNow(atMost count: Int) throws(ConnectionError) -> [UInt8]? {
        while true {
            do {
                return try socket.read(atMost: count)
            } catch SocketError.blocked {
                return nil
            } catch SocketError.failed(_, let code, _) where code == EINTR {
                continue
            } catch {
                throw control.timedOut ? .timeout : .disconnected
            }
        }
    }

    /// The next bytes, at least one.
    /// - Throws: `.timeout` when the control's read deadline passed, else `.disconnected`.
    func read(atMost count: Int) async throws(ConnectionError) -> [UInt8] {
        while true {
            if let bytes = try readNow(atMost: count) { return bytes }
            try await wait(for: .read)
        }
    }

    /// Sends all of `bytes`.
    /// - Throws: `.timeout` when the client took none for too long, else `.disconnected`.
    func write(_ bytes: [UInt8]) async throws(ConnectionError) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Self.writePiece)
            let whole = start == 0 && end == bytes.count
            try await write(whole ? Data(bytes) : Data(bytes[start..<end]))
            start = end
        }
    }

    private func write(_ data: Data) async throws(ConnectionError) {
        var sent = 0
        while sent < data.count {
            do {
                sent = try socket.write(data, from: sent)
                continue
            } catch SocketError.blocked {
            } catch SocketError.failed(_, let code, _) where code == EINTR {
                continue
            } catch {
                throw control.timedOut ? .timeout : .disconnected
            }
            control.beginWriting()
            defer { control.endWriting() }
            try await wait(for: .write)
        }
    }

    private func wait(for events: Socket.Events) async throws(ConnectionError) {
        do {
            try await pool.suspendSocket(socket, untilReadyFor: events)
        } catch SocketError.disconnected {
            // The next read or write says what happened. The notice may also be a late one, meant
            // for an earlier connection with the same descriptor.
            await Task.yield()
        } catch {
            throw control.timedOut ? .timeout : .disconnected
        }
    }
}
