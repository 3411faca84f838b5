import HTTPServer
import HTTPTypes
import Testing

@testable import HTTPAPI

@Suite struct RouterTests {
    private let router = Router([
        .get("/documents", API.health), .post("/documents", API.health),
        .get("/documents/export", API.health), .post("/documents/search", API.health),
        .get("/documents/{id}", API.health), .put("/documents/{id}", API.health),
        .post("/documents/{id}/chunk", API.health),
    ])

    private func match(_ method: HTTPRequest.Method, _ path: String) -> String {
        let head = HTTPRequest(method: method, scheme: "http", authority: "a", path: path)
        switch router.match(ServerRequest(head: head, body: RequestBody(bytes: []))) {
        case .nothing: return "nothing"
        case .otherMethods(let methods): return methods.map(\.rawValue).joined(separator: " ")
        case .route(let route, let parameters):
            let values = parameters.map { "\($0)=\($1)" }.joined()
            return "\(route.method) \(route.pattern) \(values)"
        }
    }

    @Test(
        arguments: [
            (.get, "/documents?limit=1", "GET /documents "),
            (.get, "/documents/a", "GET /documents/{id} id=a"),
            (.head, "/documents/a?x=/b/c", "GET /documents/{id} id=a"),
            (.put, "/documents/a%2Fb%20c", "PUT /documents/{id} id=a/b c"),
            (.get, "/documents/%C3%A9", "GET /documents/{id} id=é"),
            (.get, "/documents/export", "GET /documents/export "),
            (.get, "/documents/ex%70ort", "GET /documents/export "),
            (.put, "/documents/export", "PUT /documents/{id} id=export"),
            (.delete, "/documents/export", "GET HEAD"),
            (.post, "/documents/search", "POST /documents/search "),
            (.get, "/documents/search", "GET /documents/{id} id=search"),
            (.delete, "/documents/search", "POST"),
            (.delete, "/documents/a", "GET HEAD PUT"),
            (.get, "/documents/a/chunk", "POST"),
            (.post, "/documents/a/chunk", "POST /documents/{id}/chunk id=a"),
            (.get, "/documents/", "nothing"),
            (.post, "/documents//chunk", "nothing"),
            (.get, "/documents/a/", "nothing"),
            (.get, "/", "nothing"),
            (.get, "/other", "nothing"),
        ] as [(HTTPRequest.Method, String, String)])
    func paths(method: HTTPRequest.Method, path: String, expected: String) {
        #expect(match(method, path) == expected)
    }

    @Test func everyRouteIsListedOnce() {
        let names = Route.all.map { "\($0.method) \($0.pattern)" }
        #expect(Set(names).count == names.count)
        #expect(!names.isEmpty)
    }

    @Test func typedQueryParameters() throws {
        func request(_ query: String) -> ServerRequest {
            let head = HTTPRequest(
                method: .get, scheme: "http", authority: "a", path: "/a?\(query)")
            return ServerRequest(head: head, body: RequestBody(bytes: []))
        }
        #expect(try request("passages").flag("passages") == true)
        #expect(try request("passages=false").flag("passages") == false)
        #expect(try request("").flag("passages") == nil)
        #expect(try request("limit=7").integer("limit", in: 1...9) == 7)
        #expect(try request("").integer("limit", in: 1...9) == nil)
        for query in ["limit=0", "limit=10", "limit=", "limit=x", "limit=1.0"] {
            #expect(throws: APIError.self) { try request(query).integer("limit", in: 1...9) }
        }
        #expect(throws: APIError.self) { try request("passages=maybe").flag("passages") }
    }
}

@Suite struct RequestContextTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test(arguments: [
        "00-\(id)-00f067aa0ba902b7-01", "01-\(id)-00f067aa0ba902b7-01-future",
    ])
    func traceParentsThatHold(header: String) {
        #expect(TraceParent(header)?.traceID == Self.id)
    }

    @Test(arguments: [
        "", "00", "00-\(id)-00f067aa0ba902b7", "ff-\(id)-00f067aa0ba902b7-01",
        "00-\(id)-00f067aa0ba902b7-01-more", "00-\(id)-0000000000000000-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00_\(id)_00f067aa0ba902b7_01",
    ])
    func traceParentsThatDoNot(header: String) {
        #expect(TraceParent(header) == nil)
    }

    @Test func traceParentsArePassedOn() async throws {
        let fixture = try APIFixture(golden: nil)
        let header = "00-\(Self.id)-00f067aa0ba902b7-01"
        let traced = await fixture.send(.get, "/health", headers: ["traceparent": header])
        #expect(traced.header("traceparent") == header)
        let broken = await fixture.send(.get, "/health", headers: ["traceparent": "00-\(Self.id)"])
        #expect(broken.header("traceparent") == nil)
    }
}
