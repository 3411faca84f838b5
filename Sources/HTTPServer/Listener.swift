import FlyingSocks
import Foundation

/// Why a server could not listen.
package enum ListenError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The host is neither an address literal nor `localhost`.
    case notAnAddress(String)
    /// The socket's path is empty or longer than the system allows.
    case pathLength(String, limit: Int)
    /// Something other than a socket lies at the path.
    case notASocket(String)
    /// Another process listens there.
    case inUse(String)
    /// The system refused, with its `errno`.
    case system(address: String, code: Int32)
    /// The server had already run, or ended before it listened.
    case stopped

    package var description: String {
        switch self {
        case .notAnAddress(let host): "\(host) is not an IPv4 or IPv6 address"
        case .pathLength(let path, let limit):
            "the socket path must have 1 to \(limit) bytes: \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .inUse(let address): "\(address) is in use by another process"
        case .system(let address, let code):
            "cannot listen on \(address): \(String(cString: strerror(code)))"
        case .stopped: "the server has stopped"
        }
    }
}

extension ListenAddress {
    /// Throws where nobody could listen on it: it is not tried.
    package func check() throws(ListenError) { try Listener.check(self) }
}

/// A listening socket, and the socket file it may have made.
struct Listener: Sendable {
    static let longestPath = 103

    let socket: Socket
    /// `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/bigs.sock`.
    let address: String
    let isTCP: Bool
    private let file: (path: String, inode: UInt64)?

    /// Binds and listens.
    init(_ address: ListenAddress) throws(ListenError) {
        switch address {
        case .tcp(let host, let port): try self.init(host: host, port: port)
        case .unix(let path): try self.init(path: path)
        }
    }

    /// The literal that a host stands for.
    private static func literal(of host: String) -> String {
        if host == "localhost" { return "127.0.0.1" }
        return host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : host
    }

    private static func socketAddress(
        host: String, port: UInt16
    ) throws(ListenError) -> any SocketAddress {
        let literal = literal(of: host)
        if let ip4 = try? sockaddr_in.inet(ip4: literal, port: port) { return ip4 }
        if let ip6 = try? sockaddr_in6.inet6(ip6: literal, port: port) { return ip6 }
        throw .notAnAddress(host)
    }

    private static func checkLength(of path: String) throws(ListenError) {
        guard (1...longestPath).contains(path.utf8.count), !path.utf8.contains(0) else {
            throw .pathLength(path, limit: longestPath)
        }
    }

    /// Throws for an address that nobody could listen on, without trying to.
    fileprivate static func check(_ address: ListenAddress) throws(ListenError) {
        switch address {
        case .tcp(let host, let port): _ = try socketAddress(host: host, port: port)
        case .unix(let path): try checkLength(of: path)
        }
    }

    private init(host: String, port: UInt16) throws(ListenError) {
        let literal = Self.literal(of: host)
        let name = literal.contains(":") ? "[\(literal)]:\(port)" : "\(literal):\(port)"
        socket = try Self.listen(on: Self.socketAddress(host: host, port: port), name: name)
        self.address = (try? socket.sockname()).flatMap(Self.text) ?? name
        isTCP = true
        file = nil
    }

    private init(path: String) throws(ListenError) {
        try Self.checkLength(of: path)
        try Self.removeStale(path)
        socket = try Self.listen(on: sockaddr_un.unix(path: path), name: path)
        address = "unix:" + path
        isTCP = false
        var status = stat()
        file = lstat(path, &status) == 0 ? (path, UInt64(status.st_ino)) : nil
    }

    /// Stops listening and removes the socket file, if it is still the one that was made.
    func close() {
        try? socket.close()
        var status = stat()
        if let file, lstat(file.path, &status) == 0, UInt64(status.st_ino) == file.inode {
            unlink(file.path)
        }
    }

    private static func listen(
        on address: some SocketAddress, name: String
    ) throws(ListenError) -> Socket {
        var opened: Socket?
        do {
            let socket = try Socket(domain: Int32(address.family), type: .stream)
            opened = socket
            if Int32(address.family) != AF_UNIX {
                try socket.setValue(true, for: .localAddressReuse)
            }
            try socket.setFlags(.nonBlocking)
            try socket.bind(to: address)
            opened = nil  // `listen` closes the socket itself when it fails.
            try socket.listen(maxPendingConnection: 4096)
            return socket
        } catch {
            try? opened?.close()
            guard case SocketError.failed(_, let code, _) = error else {
                throw .system(address: name, code: 0)
            }
            throw code == EADDRINUSE ? .inUse(name) : .system(address: name, code: code)
        }
    }

    /// Removes a socket file that nobody listens on, as a killed server leaves it behind.
    private static func removeStale(_ path: String) throws(ListenError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        do {
            let probe = try Socket(domain: AF_UNIX, type: .stream)
            defer { try? probe.close() }
            try probe.setFlags(.nonBlocking)
            try probe.connect(to: sockaddr_un.unix(path: path))
        } catch SocketError.failed(_, let code, _) where code == ECONNREFUSED {
            unlink(path)
            return
        } catch SocketError.failed(_, let code, _) where code == ENOENT {
            return
        } catch SocketError.failed(_, let code, _) where code != EAGAIN {
            throw .system(address: path, code: code)
        } catch {
            throw .inUse(path)
        }
        throw .inUse(path)
    }

    /// An IP address and port as text; nil for other families.
    static func text(_ address: Socket.Address) -> String? {
        switch address {
        case .ip4(let host, let port): "\(host):\(port)"
        case .ip6(let host, let port): "[\(host)]:\(port)"
        case .unix: nil
        }
    }
}
