import Foundation
import HTTPServer
import HTTPTypes
import Testing

@Suite("Values of the HTTP layer")
struct PureValueTests {
    @Test("a full descriptor table makes accepting wait longer and longer, up to a second")
    func backoffWaits() {
        var backoff = AcceptBackoff()
        let waits = (0..<12).map { _ in backoff.failed(EMFILE) }
        #expect(waits[0] == AcceptBackoff.shortest)
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(waits.last == AcceptBackoff.longest)
        backoff.succeeded()
        #expect(backoff.failed(ENFILE) == AcceptBackoff.shortest)
    }

    @Test("a connection that failed before it was accepted is passed over, but not without end")
    func backoffRetries() {
        var backoff = AcceptBackoff()
        for _ in 0..<AcceptBackoff.immediateRetries {
            #expect(backoff.failed(ECONNABORTED) == .zero)
        }
        #expect(backoff.failed(ECONNABORTED) == AcceptBackoff.shortest)
    }

    @Test("an unknown error waits too: nothing spins", arguments: [0, EBADF, EINVAL, ENOMEM, 9999])
    func backoffUnknown(_ code: Int32) {
        var backoff = AcceptBackoff()
        #expect(backoff.failed(code) > .zero)
    }

    @Test("a body at the least rate is waited for without end, a slower one is not")
    func bodyPatience() {
        func waits(each wait: Duration, bytes: Int) -> Int {
            var patience = BodyPatience(longest: .seconds(10), rate: 1000)
            var count = 0
            while count < 10_000, patience.left > wait {
                patience.waited(wait)
                patience.received(bytes: bytes)
                count += 1
            }
            return count
        }
        #expect(waits(each: .seconds(1), bytes: 1000) == 10_000)
        #expect(waits(each: .seconds(9), bytes: 1) == 1)
        #expect(waits(each: .seconds(1), bytes: 500) == 18)
        #expect(waits(each: .seconds(11), bytes: 1 << 20) == 0)

        var patience = BodyPatience(longest: .seconds(10), rate: 1000)
        patience.received(bytes: 1 << 30)
        #expect(patience.left == .seconds(10))
    }

    @Test("connections leave descriptors to the rest of the process, and there is always one")
    func descriptors() {
        #expect(DescriptorBudget.connections(wanted: 1024, limit: 65_536) == 1024)
        #expect(DescriptorBudget.connections(wanted: 1024, limit: 1024) == 968)
        #expect(DescriptorBudget.connections(wanted: 1024, limit: 64) == 8)
        #expect(DescriptorBudget.connections(wanted: 1024, limit: 8) == 1)
        #expect(DescriptorBudget.connections(wanted: 0, limit: 1024) == 1)
    }

    @Test(
        "dates are those of RFC 9110",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        ])
    func dates(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
    }

    @Test("path and query are decoded")
    func target() {
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "h",
            path: "/documents/%E4%B8%96%2F1?a=1&b=x%20y+z&flag&a=2&=&c=d=e")
        let request = ServerRequest(head: head, body: RequestBody(bytes: []))
        #expect(request.path == "/documents/\u{4E16}/1")
        #expect(request.query == ["a": "2", "b": "x y z", "flag": "", "": "", "c": "d=e"])
    }

    @Test("the server's own fields replace a handler's, and no value can break a line")
    func encoding() throws {
        var headers = HTTPFields()
        headers[.contentLength] = "999"
        headers[.transferEncoding] = "gzip"
        headers[.connection] = "keep-alive"
        headers[try #require(HTTPField.Name("x-a"))] = "1\r\nx-b: 2"
        let bytes = ResponseEncoder.head(
            status: .ok, headers: headers, framing: .length(12), closes: true,
            date: Array("D".utf8))
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "HTTP/1.1 200 OK\r\nx-a: 1  x-b: 2\r\nContent-Length: 12\r\nDate: D\r\n"
                + "Connection: close\r\n\r\n")
        #expect(
            String(decoding: ResponseEncoder.chunk(Array("hello".utf8)), as: UTF8.self)
                == "5\r\nhello\r\n")
    }

    @Test("the default refusal is the service's error form, with everything quoted")
    func refusal() throws {
        let refusal = Refusal(
            status: .badRequest, errorType: "Malformed", message: "a \"b\"\\\u{1}", path: nil,
            requestID: "r-1")
        let response = refusal.response()
        #expect(response.status == .badRequest)
        #expect(response.headers[.contentType] == "application/json")
        guard case .bytes(let bytes) = response.body else {
            Issue.record("a refusal is bytes")
            return
        }
        let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: String]
        #expect(
            object == [
                "error": "a \"b\"\\\u{1}", "error_type": "Malformed", "request_id": "r-1",
            ])
    }

    @Test("a body in memory is collected, up to the caller's limit")
    func collecting() async throws {
        let body = RequestBody(bytes: Array("hello".utf8))
        #expect(try await body.collect(upTo: 5) == Array("hello".utf8))
        await #expect(throws: RequestBodyError.tooLarge) { try await body.collect(upTo: 4) }
        #expect(try await RequestBody(bytes: []).collect(upTo: 0).isEmpty)
    }
}
