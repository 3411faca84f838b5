import Foundation
import Synchronization

/// A client that sends a chunked body while it reads a chunked answer, or before it does, on threads
/// of its own.
final class DuplexClient: Sendable {
    struct Failed: Error {
        let code: Int32
    }

    private let descriptor: Int32
    private let received = Mutex<[String]>([])
    private let ended = DispatchSemaphore(value: 0)

    /// Connects and sends the head of a `POST` with a chunked body.
    /// - Parameter readsLater: not before `startReading`; its system keeps little meanwhile.
    init(_ base: URL, path: String, contentType: String, readsLater: Bool = false) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if readsLater {
            var size: Int32 = 4_096
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(base.port ?? 0).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failed(code: errno) }
        let head =
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(contentType)\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n"
        guard write(Array(head.utf8)) else { throw Failed(code: errno) }
        if !readsLater { startReading() }
    }

    /// Reads to the end from now on.
    func startReading() {
        Thread.detachNewThread { [self] in
            readAll()
            ended.signal()
        }
    }

    deinit { close(descriptor) }

    /// Sends one chunk; false when the server is gone.
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return write(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A])
    }

    /// Ends the body.
    func finish() -> Bool { write(Array("0\r\n\r\n".utf8)) }

    /// Closes both directions.
    func leave() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// The whole lines of the answer's body so far. Lines of this client's answers begin with `{`,
    /// which no line of the framing does.
    var lines: [String] { received.withLock { $0 } }

    /// Waits until the server has closed the connection.
    func waitForEnd() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            Thread.detachNewThread { [self] in
                ended.wait()
                ended.signal()
                continuation.resume()
            }
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private func readAll() {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { return }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 0x0A) {
                let line = pending[..<end]
                pending = Array(pending[(end + 1)...])
                // A chunk ends within a line of its own only where its data ends with a line end,
                // as all of this route's do.
                if line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") {
                    received.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
                }
            }
        }
    }
}
