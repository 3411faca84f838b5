import Foundation
import HTTPServer
import HTTPTypes
import Logging
import Testing

@Suite("Listening, limits and drain", .timeLimit(.minutes(10)))
struct LifeCycleTests {
    private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    private let getAndClose = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    /// A client that has had an answer, and keeps its connection.
    private func served(at address: String) async throws -> TestClient {
        let client = try await TestClient.connect(address)
        try await client.send(get)
        _ = try await client.receive(until: "GET / 0")
        return client
    }

    @Test("past the connection limit, clients wait until one leaves")
    func connectionLimit() async throws {
        var configuration = loopback()
        configuration.maximumConnections = 1
        try await withServer(configuration, handler: echo) { address, server in
            let first = try await served(at: address)
            let second = try await TestClient.connect(address)
            try await second.send(getAndClose)
            await #expect(throws: TestClient.Failure.timeout) {
                try await second.receive(patience: 0.15)
            }
            #expect(server.connectionCount == 1)
            first.leave()
            let answer = String(decoding: try await second.receiveAll(), as: UTF8.self)
            #expect(answer.hasSuffix("GET / 0"))
        }
    }

    @Test("connections that ask nothing make room for clients that do")
    func idleConnectionsMakeRoom() async throws {
        var configuration = loopback()
        configuration.maximumConnections = 3
        try await withServer(configuration, handler: echo) { address, server in
            var idle: [TestClient] = []
            for _ in 0..<3 { idle.append(try await served(at: address)) }
            let newcomer = try await TestClient.connect(address)
            try await newcomer.send(getAndClose)
            let answer = String(decoding: try await newcomer.receiveAll(), as: UTF8.self)
            #expect(answer.hasSuffix("GET / 0"))
            // The one that was idle for the longest time had to go.
            #expect(try await idle[0].receive().isEmpty)
        }
    }

    @Test("while nobody waits for room, as many connections as may be stay open")
    func fullIsNotTooFull() async throws {
        var configuration = loopback()
        configuration.maximumConnections = 2
        try await withServer(configuration, handler: echo) { address, server in
            let served = try await served(at: address)
            let silent = try await TestClient.connect(address)
            try await Task.sleep(for: .seconds(1))
            #expect(server.connectionCount == 2)
            for client in [served, silent] {
                try await client.send(get)
                _ = try await client.receive(until: "GET / 0")
            }
        }
    }

    @Test("a drain ends idle connections, finishes what runs, and takes nothing new")
    func drain() async throws {
        let started = Mailbox<Void>()
        let gate = Mailbox<Void>()
        let server = HTTPServer(configuration: loopback(), logger: silent) { request in
            if request.path == "/slow" {
                started.post(())
                _ = await gate.next()
            }
            return .text("done")
        }
        let running = Task { try await server.run() }
        let address = try await server.waitUntilListening()
        let idle = try await TestClient.connect(address)
        try await idle.send(get)
        _ = try await idle.receive(until: "done")
        let slow = try await TestClient.connect(address)
        try await slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + get)
        _ = await started.next()

        await server.shutdown()
        #expect(server.isDraining)
        #expect(try await idle.receive().isEmpty)
        var isRefused = false
        while !isRefused {
            do { _ = try await TestClient.connect(address) } catch { isRefused = true }
        }

        gate.post(())
        let answer = String(decoding: try await slow.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("Connection: close"))
        #expect(answer.hasSuffix("done"))
        slow.leave()
        try await running.value
    }

    @Test("what outlasts the drain's time is cancelled, and what it answers to that is sent")
    func drainTimeout() async throws {
        var configuration = loopback()
        configuration.drainTimeout = .milliseconds(50)
        let started = Mailbox<Void>()
        let said = Mailbox<String>()
        let logger = Logger(label: "test") { _ in Ear(said: said) }
        let server = HTTPServer(configuration: configuration, logger: logger) { _ in
            started.post(())
            try? await Task.sleep(for: .seconds(3600))
            return .text("late")
        }
        let running = Task { try await server.run() }
        let client = try await TestClient.connect(try await server.waitUntilListening())
        try await client.send(get)
        _ = await started.next()
        await server.shutdown()
        #expect(await said.next() == "info listening")
        #expect(await said.next() == "notice draining")
        #expect(await said.next()?.hasPrefix("warning the time to drain is over") == true)
        let answer = String(decoding: try await client.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("late"))
        try await running.value
    }

    @Test(
        "whose body a stop cuts off is told so, whose body ends early that it did, by the handler's name for it",
        arguments: [true, false])
    func cutOff(isStopping: Bool) async throws {
        var configuration = loopback()
        configuration.drainTimeout = .milliseconds(50)
        let started = Mailbox<Void>()
        let server = HTTPServer(configuration: configuration, logger: silent) { request in
            started.post(())
            var response = ServerResponse(
                body: .stream { writer in
                    for try await _ in request.body {}
                    try await writer.write("all of it")
                })
            if let name = HTTPField.Name("x-request-id") { response.headers[name] = "here" }
            return response
        }
        let running = Task { try await server.run() }
        let client = try await TestClient.connect(try await server.waitUntilListening())
        try await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\npart")
        _ = await started.next()
        if isStopping { await server.shutdown() } else { client.finishSending() }
        let answer = String(decoding: try await client.receiveAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 \(isStopping ? 503 : 400) "), "\(answer)")
        #expect(answer.contains("x-request-id: here") && answer.contains("\"here\""))
        await server.shutdown()
        try await running.value
    }

    @Test("cancelling the task that runs the server ends everything at once")
    func cancellation() async throws {
        let started = Mailbox<Void>()
        let server = HTTPServer(configuration: loopback(), logger: silent) { _ in
            started.post(())
            try? await Task.sleep(for: .seconds(3600))
            return .text("late")
        }
        let running = Task { try await server.run() }
        let client = try await TestClient.connect(try await server.waitUntilListening())
        try await client.send(get)
        _ = await started.next()
        running.cancel()
        try await running.value
        await #expect(throws: ListenError.stopped) { try await server.waitUntilListening() }
        await #expect(throws: ListenError.stopped) { try await server.run() }
    }

    @Test("IPv6, and the client's address", arguments: ["::1", "[::1]", "127.0.0.1", "localhost"])
    func addresses(_ host: String) async throws {
        if host.contains(":"), !Self.hasIPv6 { return }
        let configuration = ServerConfiguration(address: .tcp(host: host, port: 0))
        try await withServer(configuration) {
            .text($0.remoteAddress ?? "none")
        } body: { address, _ in
            let answer = try await exchange(address, getAndClose)
            let expected = host.contains(":") ? "[::1]:" : "127.0.0.1:"
            #expect(address.hasPrefix(expected))
            #expect(answer.contains("\r\n\r\n" + expected))
        }
    }

    /// Many containers have no IPv6.
    private static let hasIPv6: Bool = {
        let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { close(probe) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }()

    @Test("what is no address, and a port in use, are said")
    func badAddresses() async throws {
        func failure(_ address: ListenAddress) async -> ListenError? {
            let server = HTTPServer(
                configuration: ServerConfiguration(address: address), logger: silent, handler: echo)
            do { try await server.run() } catch { return error as? ListenError }
            return nil
        }
        #expect(await failure(.tcp(host: "no.such.host", port: 0)) == .notAnAddress("no.such.host"))
        let long = "/tmp/" + String(repeating: "a", count: 200)
        #expect(await failure(.unix(path: long)) == .pathLength(long, limit: 103))
        try await withServer(handler: echo) { address, _ in
            let port = try #require(UInt16(address.split(separator: ":")[1]))
            #expect(await failure(.tcp(host: "127.0.0.1", port: port)) == .inUse(address))
        }
    }

    @Test("a Unix socket: a stale file is replaced, a live one and other files are not")
    func unixSocket() async throws {
        // A socket's path has 103 bytes at most, which a TMPDIR may take up.
        let folder = URL(filePath: "/tmp/bigs-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "s").path
        let configuration = ServerConfiguration(address: .unix(path: path))

        // What a killed server leaves behind: bound, and nobody listening.
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(stale)

        try await withServer(configuration) {
            .text($0.remoteAddress ?? "none")
        } body: { address, _ in
            #expect(address == "unix:" + path)
            let before = try await exchange(address, getAndClose)
            #expect(before.hasSuffix("\r\n\r\nnone"))
            let second = HTTPServer(configuration: configuration, logger: silent, handler: echo)
            await #expect(throws: ListenError.inUse(path)) { try await second.run() }
            let after = try await exchange(address, getAndClose)
            #expect(after.hasSuffix("\r\n\r\nnone"))
        }
        #expect(!FileManager.default.fileExists(atPath: path))

        try Data("keep".utf8).write(to: URL(filePath: path))
        let third = HTTPServer(configuration: configuration, logger: silent, handler: echo)
        await #expect(throws: ListenError.notASocket(path)) { try await third.run() }
        #expect(FileManager.default.contents(atPath: path) == Data("keep".utf8))
    }
}

/// A log that is listened to.
private struct Ear: LogHandler {
    let said: Mailbox<String>
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { said.post("\(event.level) \(event.message)") }
}
