import Foundation
import HTTPServer
import HTTPTypes
import Testing

@Suite("Refusals over a socket")
struct RefusalTests {
    @Test("every wrong request of the corpus gets one JSON answer, and the connection closes")
    func corpus() async throws {
        var configuration = loopback()
        configuration.decoderLimits = corpusLimits
        configuration.maximumBodyBytes = corpusLimits.body
        try await withServer(configuration, handler: echo) { address, _ in
            for entry in requestCorpus {
                guard case .refusal(let error, _) = entry.expectation else { continue }
                let client = try await TestClient.connect(address)
                try await client.send(entry.bytes)
                let answer = String(decoding: try await client.receiveAll(), as: UTF8.self)
                #expect(answer.contains("HTTP/1.1 \(error.status.code) "), "\(entry.name)")
                #expect(answer.contains("\r\nConnection: close\r\n"), "\(entry.name)")
                #expect(answer.contains("\r\n\r\n{\"error\":\""), "\(entry.name)")
                #expect(answer.contains("\"error_type\":\""), "\(entry.name)")
            }
        }
    }

    @Test(
        "a body that nobody read is never taken for a request",
        arguments: [
            "Content-Length: 3000000\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n",
        ])
    func smuggling(_ framing: String) async throws {
        let paths = Mailbox<String>()
        let handler: @Sendable (ServerRequest) async -> ServerResponse = { request in
            paths.post(request.path)
            return .text("seen")
        }
        try await withServer(handler: handler) { address, _ in
            let client = try await TestClient.connect(address)
            let inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
            let body = String(repeating: inner, count: 3_000_000 / inner.utf8.count)
            // The server may close before all of it is sent.
            try? await client.send("POST /outer HTTP/1.1\r\nHost: h\r\n" + framing + body)
            let answer = (try? await client.receive()) ?? []
            #expect(!String(decoding: answer, as: UTF8.self).contains("smuggled"))
            let next = try await exchange(
                address, "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(next.hasSuffix("seen"))
        }
        #expect(await paths.next() == "/outer")
        #expect(await paths.next() == "/next")
    }

    @Test("a small body that nobody read is skipped, and the next request answered")
    func skipping() async throws {
        try await withServer {
            .text($0.path)
        } body: { address, _ in
            let answer = try await exchange(
                address,
                "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
                    + "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "4\r\nbody\r\n0\r\n\r\n"
                    + "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
            #expect(answer.hasSuffix("/c"))
        }
    }

    @Test("too large a body is 413, known beforehand or found out, and closes")
    func tooLarge() async throws {
        var configuration = loopback()
        configuration.maximumBodyBytes = 1000
        try await withServer(configuration, handler: echo) { address, _ in
            let head = "POST / HTTP/1.1\r\nHost: h\r\n"
            let known = try await exchange(address, head + "Content-Length: 1001\r\n\r\n")
            #expect(known.hasPrefix("HTTP/1.1 413 "))
            #expect(known.contains("\"error_type\":\"PayloadTooLarge\""))
            #expect(known.contains("Connection: close"))
            let chunk = "200\r\n" + String(repeating: "x", count: 512) + "\r\n"
            let found = try await exchange(
                address, head + "Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk)
            #expect(found.hasPrefix("HTTP/1.1 413 "))
            // The handler answered 500 on its own; the protocol's answer stands above it.
            #expect(found.contains("\"error_type\":\"PayloadTooLarge\""))
            let broken = try await exchange(
                address, head + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc")
            #expect(broken.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("the caller builds refusals, and is told path, request id and origin")
    func custom() async throws {
        var configuration = loopback()
        configuration.refusal = { refusal in
            .text(
                "\(refusal.origin ?? "-") \(refusal.path ?? "-") \(refusal.requestID)",
                status: refusal.status)
        }
        try await withServer(configuration, handler: echo) { address, _ in
            let answer = try await exchange(
                address,
                "POST /v1/embeddings?a HTTP/1.1\r\nHost: h\r\nX-Request-Id: r-7\r\n"
                    + "Origin: https://a.example\r\nContent-Length: 99999999999\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(answer.hasSuffix("\r\n\r\nhttps://a.example /v1/embeddings r-7"))
            let garbage = try await exchange(address, "\u{1}\r\n")
            #expect(garbage.contains("\r\n\r\n- - "))
        }
    }

    @Test("a refusal says whether it takes the place of a handler's answer")
    func replacements() async throws {
        struct Trouble: Error {}
        var configuration = loopback()
        configuration.refusal = { .text("\($0.replacesAnswer)", status: $0.status) }
        try await withServer(configuration) { request in
            switch request.path {
            case "/stream": ServerResponse(body: .stream { _ in throw Trouble() })
            default: .text("unread")
            }
        } body: { address, _ in
            let stream = try await exchange(address, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(stream.hasPrefix("HTTP/1.1 500 ") && stream.hasSuffix("true"))
            let unread = try await exchange(
                address,
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")
            #expect(unread.hasPrefix("HTTP/1.1 400 ") && unread.hasSuffix("true"))
            let garbage = try await exchange(address, "\u{1}\r\n")
            #expect(garbage.hasPrefix("HTTP/1.1 400 ") && garbage.hasSuffix("false"))
        }
    }

    @Test("what is wrong with a body's framing is named, whatever a handler says of it")
    func framingIsNamed() async throws {
        try await withServer { request in
            do {
                return .text("\(try await request.body.collect(upTo: 100).count)")
            } catch {
                return .text("some error", status: .badRequest)
            }
        } body: { address, _ in
            let answer = try await exchange(
                address, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("chunk"), "\(answer)")
        }
    }

    @Test("a refusal of HEAD has no body")
    func head() async throws {
        try await withServer(handler: echo) { address, _ in
            let answer = try await exchange(address, "HEAD / HTTP/1.1\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.hasSuffix("\r\n\r\n"))
        }
    }
}
