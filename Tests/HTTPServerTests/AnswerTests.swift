import Foundation
import HTTPServer
import HTTPTypes
import Testing

@Suite("Answers over a socket")
struct AnswerTests {
    @Test("a request is answered, and the connection lives on")
    func keepAlive() async throws {
        try await withServer(handler: echo) { address, _ in
            let client = try await TestClient.connect(address)
            for number in 0..<100 {
                try await client.send(
                    "POST /\(number) HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok")
                let answer = try await client.receive(until: "POST /\(number) 2")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: "))
                #expect(answer.contains("\r\nDate: "))
                #expect(!answer.contains("Connection:"))
            }
        }
    }

    @Test("a piece of an answer waits for no acknowledgement of the one before")
    func noDelay() async throws {
        try await withServer { _ in
            ServerResponse(
                body: .stream { writer in
                    try await writer.write(Array("one".utf8))
                    try await writer.write(Array("two".utf8))
                })
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            // Without TCP_NODELAY each takes 40 ms; the fastest tells, on a busy machine too.
            var fastest = Duration.seconds(60)
            for _ in 0..<50 {
                let start = ContinuousClock.now
                try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try await client.receive(until: "two\r\n0\r\n\r\n")
                fastest = min(fastest, .now - start)
            }
            #expect(fastest < .milliseconds(35))
        }
    }

    @Test("a hundred requests in one write are answered in order")
    func pipelining() async throws {
        try await withServer(handler: echo) { address, _ in
            var text = ""
            for number in 0..<99 { text += "GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n" }
            text +=
                "POST /99 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
            let answer = try await exchange(address, text)
            let bodies = answer.split(separator: "\r\n\r\n").dropFirst()
                .map { String($0.prefix { $0 != "H" }) }
            try #require(bodies.count == 100)
            for number in 0..<99 { #expect(bodies[number].hasPrefix("GET /\(number) 0")) }
            #expect(answer.hasSuffix("POST /99 1"))
        }
    }

    @Test("HEAD has the length of the body and no body")
    func head() async throws {
        try await withServer { _ in
            .text("hello")
        } body: { address, _ in
            let answer = try await exchange(
                address, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("\r\nContent-Length: 5\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("204 and 304 have neither body nor length", arguments: [204, 304])
    func noContent(_ code: Int) async throws {
        try await withServer { _ in
            .text("x", status: .init(code: code))
        } body: { address, _ in
            let answer = try await exchange(
                address, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(code)"))
            #expect(!answer.contains("Content-Length"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("HTTP/1.0 is answered and closed, streamed or not")
    func version10() async throws {
        try await withServer { request in
            if request.path == "/bytes" { return .text("hello") }
            return ServerResponse(body: .stream { try await $0.write("hello") })
        } body: { address, _ in
            let plain = try await exchange(
                address, "GET /bytes HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(plain.contains("Connection: close") && plain.hasSuffix("\r\n\r\nhello"))
            let streamed = try await exchange(address, "GET / HTTP/1.0\r\n\r\n")
            #expect(!streamed.contains("Transfer-Encoding"))
            #expect(streamed.hasSuffix("\r\n\r\nhello"))
        }
    }

    @Test("a streamed answer is chunked, ends, and leaves the connection usable")
    func streaming() async throws {
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { _ in
            ServerResponse(
                body: .stream { writer in
                    try await writer.write("one")
                    try await writer.write("")
                    try await writer.write("three")
                })
        }
        try await withServer(handler: handler) { address, _ in
            let answer = try await exchange(
                address,
                "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
                    + "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\nHTTP/1.1 200"))
            #expect(answer.components(separatedBy: "Transfer-Encoding: chunked").count == 3)
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("a stream that fails before its first piece is a 500; later, it has no last chunk")
    func failingStream() async throws {
        struct Oops: Error {}
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { request in
            ServerResponse(
                body: .stream { writer in
                    if request.path == "/late" { try await writer.write("one") }
                    throw Oops()
                })
        }
        try await withServer(handler: handler) { address, _ in
            let early = try await exchange(address, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(early.hasPrefix("HTTP/1.1 500 "))
            #expect(early.contains("\"error_type\":\"Internal\""))
            #expect(!early.contains("Oops"))
            let late = try await exchange(address, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(late.hasSuffix("\r\n\r\n3\r\none\r\n"))
        }
    }

    @Test("a body is read while the answer is streamed")
    func duplex() async throws {
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { request in
            ServerResponse(
                body: .stream { writer in
                    for try await piece in request.body { try await writer.write(piece) }
                })
        }
        try await withServer(handler: handler) { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await client.send("3\r\none\r\n")
            _ = try await client.receive(until: "one")
            try await client.send("3\r\ntwo\r\n0\r\n\r\n")
            let rest = String(decoding: try await client.receiveAll(), as: UTF8.self)
            #expect(rest.hasSuffix("two\r\n0\r\n\r\n"))
        }
    }

    @Test("100 Continue is sent when the body is asked for, after the checks, and only then")
    func expectation() async throws {
        var configuration = loopback()
        configuration.maximumBodyBytes = 10
        try await withServer(configuration) {
            $0.path == "/no" ? .text("no", status: .unauthorized) : await echo($0)
        } body: { address, _ in
            func head(_ path: String, _ length: Int) -> String {
                "POST \(path) HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(length)\r\n\r\n"
            }
            let client = try await TestClient.connect(address)
            try await client.send(head("/a", 5))
            #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("hello")
            #expect(try await client.receive(until: "POST /a 5").hasPrefix("HTTP/1.1 200"))
            #expect(try await exchange(address, head("/a", 11)).hasPrefix("HTTP/1.1 413"))
            let refused = try await exchange(address, head("/no", 5))
            #expect(refused.hasPrefix("HTTP/1.1 401") && refused.contains("Connection: close"))
        }
    }

    @Test("a large answer arrives whole")
    func largeAnswer() async throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await withServer { _ in
            ServerResponse(body: .bytes(bytes))
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try await client.receiveAll().suffix(bytes.count) == bytes[...])
        }
    }
}
