import Foundation
import HTTPServer
import HTTPTypes
import Testing

/// Over a Unix socket, whose buffers hold some hundred kilobytes and do not grow.
@Suite("Answers to clients that send everything before they read")
struct SpooledAnswerTests {
    private static let padding = String(repeating: "-", count: 400)

    /// - Parameter patience: how long a client that has to read may leave it.
    private func configuration(patience: Duration = .seconds(60)) -> ServerConfiguration {
        let path = "/tmp/spooled-\(UUID().uuidString.prefix(8)).sock"
        var configuration = ServerConfiguration(
            address: .unix(path: path), drainTimeout: .seconds(5))
        configuration.decoderLimits.streamedPaths = ["/stream"]
        configuration.writeProgressTimeout = patience
        return configuration
    }

    /// For each 100 bytes of the body a line of more than 400 with its number, then `done`. Says how
    /// it ended, and when it has answered half a megabyte.
    private func numbering(
        _ ended: Mailbox<BodyWriterError?>, begun: Mailbox<Void> = Mailbox()
    ) -> @Sendable (ServerRequest) async -> ServerResponse {
        { request in
            ServerResponse(
                body: .stream { writer in
                    do {
                        var (count, number) = (0, 0)
                        for try await piece in request.body {
                            count += piece.count
                            var lines = ""
                            while (number + 1) * 100 <= count {
                                lines += Self.line(number)
                                number += 1
                                if number == 1_250 { begun.post(()) }
                            }
                            try await writer.write(lines)
                        }
                        try await writer.write("done\n")
                        ended.post(nil)
                    } catch {
                        ended.post(error as? BodyWriterError ?? .finished)
                        throw error
                    }
                })
        }
    }

    private static func line(_ number: Int) -> String { "\(number) \(padding)\n" }

    /// HTTP/1.0: the answer has no frames around its pieces.
    private func head(_ length: Int, path: String = "/stream") -> String {
        "POST \(path) HTTP/1.0\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n"
    }

    private func check(_ answer: [UInt8], lines: Int) throws {
        let text = String(decoding: answer, as: UTF8.self)
        let start = try #require(text.range(of: "\r\n\r\n")).upperBound
        let expected = (0..<lines).map(Self.line).joined() + "done\n"
        #expect(text[start...] == expected)
    }

    @Test("they get everything, in order")
    func sendingFirst() async throws {
        let ended = Mailbox<BodyWriterError?>()
        try await withServer(configuration(), handler: numbering(ended)) { address, _ in
            let client = try await TestClient.connect(address)
            let body = [UInt8](repeating: 0x78, count: 2 << 20)
            try await client.send(Array(head(body.count).utf8) + body)
            try check(try await client.receiveAll(), lines: body.count / 100)
            #expect(await ended.next() == .some(nil))
        }
    }

    @Test("those that read meanwhile get each answer at once")
    func readingMeanwhile() async throws {
        let ended = Mailbox<BodyWriterError?>()
        try await withServer(configuration(), handler: numbering(ended)) { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(head(1_001))
            for number in 0..<10 {
                try await client.send([UInt8](repeating: 0x78, count: 100))
                _ = try await client.receive(until: Self.line(number))
            }
            try await client.send("x")
            _ = try await client.receive(until: "done\n")
        }
    }

    @Test("they hear of a handler that does not read to the end", arguments: [0, 1, 5_000])
    func stoppingEarly(lines: Int) async throws {
        try await withServer(configuration(patience: .seconds(60))) { request in
            if lines == 0 { return .text("done\n") }
            return ServerResponse(
                body: .stream { writer in
                    var iterator = request.body.makeAsyncIterator()
                    _ = try await iterator.next()
                    try await writer.write((0..<lines).map(Self.line).joined() + "done\n")
                })
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            let body = [UInt8](repeating: 0x78, count: 2 << 20)
            try await client.send(Array(head(body.count).utf8) + body)
            try check(try await client.receiveAll(), lines: lines)
        }
    }

    @Test("one that sends may do so for long; if it reads nothing after that, it is dropped")
    func neverReading() async throws {
        let ended = Mailbox<BodyWriterError?>()
        let begun = Mailbox<Void>()
        try await withServer(
            configuration(patience: .milliseconds(200)), handler: numbering(ended, begun: begun)
        ) { address, _ in
            let client = try await TestClient.connect(address)
            let body = [UInt8](repeating: 0x78, count: 1 << 20)
            try await client.send(Array(head(2 * body.count).utf8) + body)
            _ = await begun.next()
            // When another one, which has to read, is dropped, the time has passed.
            let other = try await TestClient.connect(address)
            try await other.send(head(body.count, path: "/other"))
            _ = await other.flood(body, atMost: body.count, patience: 10)
            #expect(await ended.next() == .timeout)
            try await client.send(body)
            #expect(await ended.next() == .timeout)
        }
    }

    @Test("past what can be kept, they have to read before they send more")
    func withoutRoom() async throws {
        var configuration = configuration(patience: .milliseconds(200))
        configuration.maximumSpoolBytes = 0
        let ended = Mailbox<BodyWriterError?>()
        try await withServer(configuration, handler: numbering(ended)) { address, _ in
            let body = [UInt8](repeating: 0x78, count: 1 << 20)
            let client = try await TestClient.connect(address)
            try await client.send(head(2 * body.count))
            #expect(await client.flood(body, atMost: 2 * body.count, patience: 10) < 2 << 20)
            #expect(await ended.next() == .timeout)
        }
    }

    @Test("past what can be kept, who reads loses nothing")
    func readingWithoutRoom() async throws {
        var configuration = configuration()
        configuration.maximumSpoolBytes = 0
        let ended = Mailbox<BodyWriterError?>()
        try await withServer(configuration, handler: numbering(ended)) { address, _ in
            let body = [UInt8](repeating: 0x78, count: 1 << 20)
            let client = try await TestClient.connect(address)
            async let answer = client.receiveAll()
            try await client.send(Array(head(body.count).utf8) + body)
            try check(try await answer, lines: body.count / 100)
        }
    }

    @Test("one that leaves, and a drain whose time is over, end it", arguments: [true, false])
    func endings(leaves: Bool) async throws {
        var configuration = configuration(patience: .seconds(60))
        configuration.drainTimeout = .milliseconds(50)
        let ended = Mailbox<BodyWriterError?>()
        let begun = Mailbox<Void>()
        try await withServer(
            configuration, handler: numbering(ended, begun: begun)
        ) { address, server in
            let client = try await TestClient.connect(address)
            let body = [UInt8](repeating: 0x78, count: 1 << 20)
            try await client.send(Array(head(2 * body.count).utf8) + body)
            _ = await begun.next()
            if leaves { client.leave() } else { await server.shutdown() }
            let error = try #require(await ended.next())
            #expect(error != nil && error != .timeout)
        }
    }
}
