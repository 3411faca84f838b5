import Foundation
import HTTPServer
import HTTPTypes
import Synchronization
import Testing

@Suite struct StreamedBodyTests {
    private func configuration() -> ServerConfiguration {
        var configuration = loopback()
        configuration.maximumBodyBytes = 10
        configuration.decoderLimits.streamedPaths = ["/stream"]
        return configuration
    }

    @Test("the limit of bodies does not hold for streamed paths, and for all others it does")
    func limits() async throws {
        try await withServer(configuration(), handler: echo) { address, _ in
            func post(_ path: String, _ body: String, chunked: Bool) async throws -> String {
                let size = body.utf8.count
                let message =
                    chunked
                    ? "Transfer-Encoding: chunked\r\n\r\n"
                        + "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
                    : "Content-Length: \(size)\r\n\r\n\(body)"
                return try await exchange(
                    address,
                    "POST \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + message)
            }
            let long = String(repeating: "x", count: 200_000)
            for chunked in [false, true] {
                for path in ["/stream", "/stream?x=1", "/str%65am"] {
                    let answer = try await post(path, long, chunked: chunked)
                    #expect(answer.hasSuffix("POST /stream 200000"), "\(path)")
                }
                for path in ["/other", "/stream/x"] {
                    let answer = try await post(path, long, chunked: chunked)
                    #expect(answer.hasPrefix("HTTP/1.1 413"), "\(path)")
                }
                let short = try await post("/other", "short", chunked: chunked)
                #expect(short.hasSuffix("POST /other 5"))
            }
        }
    }

    @Test("the bound of one request does not leak into the next on the same connection")
    func nextRequest() async throws {
        try await withServer(configuration(), handler: echo) { address, _ in
            let answer = try await exchange(
                address,
                "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n"
                    + String(repeating: "x", count: 20)
                    + "POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n")
            #expect(answer.contains("POST /stream 20"))
            #expect(answer.contains("HTTP/1.1 413"))
        }
    }

    @Test("lengths that could overflow are refused on streamed paths too")
    func overflow() async throws {
        try await withServer(configuration(), handler: echo) { address, _ in
            for length in ["9223372036854775807", "99999999999999999999", "3000000000000000000"] {
                let answer = try await exchange(
                    address,
                    "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 413"), "\(length)")
            }
        }
    }

    @Test("a handler that reads slowly holds its client back, and memory stays bounded")
    func backPressure() async throws {
        let gate = Mailbox<Void>()
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { request in
            ServerResponse(
                body: .stream { writer in
                    var iterator = request.body.makeAsyncIterator()
                    _ = try await iterator.next()
                    try await writer.write("first")
                    _ = await gate.next()
                    var total = 0
                    while let piece = try await iterator.next() { total += piece.count }
                    try await writer.write("\(total > 0)")
                })
        }
        try await withServer(configuration(), handler: handler) { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(
                "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nx")
            _ = try await client.receive(until: "first")
            // What the system's buffers take, and no more: the server does not read ahead.
            let taken = await client.flood(
                [UInt8](repeating: 1, count: 65_536), atMost: 200_000_000, patience: 0.3)
            #expect(taken < 100_000_000)
            client.leave()
            gate.post(())
        }
    }

    @Test("a client that leaves in the middle of a duplex stream ends its handler")
    func leaving() async throws {
        let ended = Mailbox<Bool>()
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { request in
            ServerResponse(
                body: .stream { writer in
                    do {
                        for try await piece in request.body { try await writer.write(piece) }
                        ended.post(false)
                    } catch {
                        ended.post(true)
                        throw error
                    }
                })
        }
        try await withServer(configuration(), handler: handler) { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(
                "POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
            )
            _ = try await client.receive(until: "one")
            client.leave()
            #expect(await ended.next() == true)
        }
    }

    @Test("a client of a streamed path may wait longer before it sends more; it is bounded too")
    func patience() async throws {
        var configuration = configuration()
        configuration.bodyProgressTimeout = .milliseconds(50)
        configuration.streamProgressTimeout = .seconds(60)
        try await withServer(configuration, handler: echo) { address, _ in
            func begin(_ path: String) async throws -> TestClient {
                let client = try await TestClient.connect(address)
                try await client.send(
                    "POST \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                        + "Content-Length: 2\r\n\r\na")
                return client
            }
            let patient = try await begin("/stream")
            // Refused when it has waited for too long, so by then the other one has too.
            let refused = try await begin("/other").receiveAll()
            #expect(String(decoding: refused, as: UTF8.self).hasPrefix("HTTP/1.1 408"))
            try await patient.send("b")
            let answer = String(decoding: try await patient.receiveAll(), as: UTF8.self)
            #expect(answer.hasSuffix("POST /stream 2"))
        }
        configuration.streamProgressTimeout = .milliseconds(50)
        try await withServer(configuration, handler: echo) { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(
                "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
            let answer = String(decoding: try await client.receiveAll(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 408"))
        }
    }
}
