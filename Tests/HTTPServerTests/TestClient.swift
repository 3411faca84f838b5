import Foundation

/// A blocking client that sends exactly the bytes it is told to. It waits on threads of its own:
/// the tests share the concurrency pool with the server.
final class TestClient: Sendable {
    enum Failure: Error, Equatable {
        case address(String)
        case connect(Int32)
        case write(Int32)
        case read(Int32)
        case timeout
        case response(String)
    }

    private let descriptor: Int32

    /// Connects to `127.0.0.1:80`, `[::1]:80` or `unix:/path`.
    static func connect(_ address: String) async throws -> TestClient {
        try await onThread { try TestClient(address) }
    }

    private init(_ address: String) throws {
        let (family, storage, length) = try Self.parse(address)
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.connect(errno) }
        // A server whose threads other tests hold may take its time.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        let result = withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, length)
            }
        }
        guard result == 0 else {
            let code = errno
            Foundation.close(descriptor)
            throw Failure.connect(code)
        }
    }

    deinit { Foundation.close(descriptor) }

    private static func parse(
        _ address: String
    ) throws -> (Int32, sockaddr_storage, socklen_t) {
        var storage = sockaddr_storage()
        if address.hasPrefix("unix:") {
            var unix = sockaddr_un()
            unix.sun_family = sa_family_t(AF_UNIX)
            let path = Array(address.dropFirst(5).utf8)
            withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: path) }
            withUnsafeMutableBytes(of: &storage) { target in
                withUnsafeBytes(of: unix) { target.copyMemory(from: $0) }
            }
            return (AF_UNIX, storage, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
        guard let colon = address.lastIndex(of: ":"),
            let port = UInt16(address[address.index(after: colon)...])
        else { throw Failure.address(address) }
        let host = String(address[..<colon]).trimmingCharacters(in: ["[", "]"])
        if host.contains(":") {
            var ip6 = sockaddr_in6()
            ip6.sin6_family = sa_family_t(AF_INET6)
            ip6.sin6_port = port.bigEndian
            inet_pton(AF_INET6, host, &ip6.sin6_addr)
            withUnsafeMutableBytes(of: &storage) { target in
                withUnsafeBytes(of: ip6) { target.copyMemory(from: $0) }
            }
            return (AF_INET6, storage, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
        var ip4 = sockaddr_in()
        ip4.sin_family = sa_family_t(AF_INET)
        ip4.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &ip4.sin_addr)
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: ip4) { target.copyMemory(from: $0) }
        }
        return (AF_INET, storage, socklen_t(MemoryLayout<sockaddr_in>.size))
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) async throws {
        try await onThread { [self] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure.write(errno) }
                sent += count
            }
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends `bytes` again and again until the server has taken none for `patience` seconds.
    /// - Returns: how many it took.
    func flood(_ bytes: [UInt8], atMost limit: Int, patience: Double) async -> Int {
        let result = try? await onThread { [self] () -> Int in
            setTimeout(SO_SNDTIMEO, patience)
            var sent = 0
            while sent < limit {
                let count = bytes.withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { break }
                sent += count
            }
            return sent
        }
        return result ?? 0
    }

    /// The next bytes; empty at the end of the stream. By default it waits long: tests that compute, or
    /// wait for other processes, keep the tasks of this one waiting.
    func receive(patience: Double = 60) async throws -> [UInt8] {
        try await onThread { [self] in
            setTimeout(SO_RCVTIMEO, patience)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { throw errno == EAGAIN ? Failure.timeout : Failure.read(errno) }
            return Array(buffer[..<count])
        }
    }

    /// Everything until the server closes.
    func receiveAll() async throws -> [UInt8] {
        var result: [UInt8] = []
        while true {
            let bytes = try await receive()
            if bytes.isEmpty { return result }
            result += bytes
        }
    }

    /// As text, everything until `text` has come.
    func receive(until text: String) async throws -> String {
        var result: [UInt8] = []
        while !String(decoding: result, as: UTF8.self).contains(text) {
            let bytes = try await receive()
            if bytes.isEmpty { throw Failure.response(String(decoding: result, as: UTF8.self)) }
            result += bytes
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Closes the sending half.
    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes both halves, as a process that ends does.
    func leave() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func setTimeout(_ option: Int32, _ seconds: Double) {
        var limit = timeval(
            tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1e6))
        setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}

/// Runs blocking work on a thread outside the concurrency pool.
func onThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}
