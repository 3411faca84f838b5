import Foundation
import HTTPAPI
import HTTPServer
import HTTPTypes
import Testing

/// Keys and web origins.
@Suite struct AccessTests {
    private let body = #"{"inputs": "a"}"#

    @Test func aKeyOpensEveryRouteAndProbesNeedNone() async throws {
        let fixture = try APIFixture(golden: nil, keys: APIKeys(["first", "second"]))
        for path in ["/health", "/metrics"] {
            #expect(await fixture.send(.get, path).status == 200)
        }
        #expect(await fixture.send(.get, "/ready").status == 503)
        for path in ["/info", "/v1/models", "/nowhere"] {
            let answer = await fixture.send(.get, path)
            #expect(answer.status == 401, "\(path)")
            #expect(answer.header("www-authenticate") == #"Bearer realm="bigs""#)
        }
        let refused = await fixture.post("/embed", body)
        #expect(refused.status == 401 && refused.errorType == "Unauthorized")
        for key in ["first", "second"] {
            let headers = ["authorization": "Bearer \(key)"]
            #expect(await fixture.post("/embed", body, headers: headers).status == 503)
            #expect(await fixture.send(.get, "/nowhere", headers: headers).status == 404)
        }
        let openAI = await fixture.post("/v1/embeddings", #"{"input": "a"}"#)
        let error = try #require(openAI.object["error"] as? [String: Any])
        #expect(error["type"] as? String == "authentication_error")
    }

    @Test(arguments: [
        "", "first", "Basic first", "Bearer", "Bearer ", "Bearer firs", "Bearer first1",
        "Bearer FIRST", "Bearer first second", "Bearer " + String(repeating: "a", count: 5_000),
    ])
    func wrongKeys(header: String) async throws {
        let fixture = try APIFixture(golden: nil, keys: APIKeys(["first"]))
        let answer = await fixture.send(.get, "/info", headers: ["authorization": header])
        #expect(answer.status == 401)
        #expect(answer.header("www-authenticate")?.hasSuffix(#"error="invalid_token""#) == true)
    }

    @Test func theSchemeHasNoCase() async throws {
        let fixture = try APIFixture(golden: nil, keys: APIKeys(["first"]))
        let answer = await fixture.send(.get, "/info", headers: ["authorization": "bearer  first"])
        #expect(answer.status == 503)
    }

    @Test func filesOfKeys() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        func read(_ bytes: [UInt8]) throws -> [String] {
            try Data(bytes).write(to: file)
            return try APIKeys.read(file: file.path)
        }
        #expect(try read(Array("# ours\n\n one \r\ntwo#2\n".utf8)) == ["one", "two#2"])
        let path = file.path
        #expect(throws: APIKeyError.noKey(path: path)) { try read(Array("# none\n".utf8)) }
        #expect(throws: APIKeyError.noKey(path: path)) { try read([]) }
        #expect(throws: APIKeyError.badKey(path: path, line: 2)) {
            try read(Array("one\ntwo words\n".utf8))
        }
        #expect(throws: APIKeyError.notText(path: path)) { try read([0xFF, 0xFE]) }
        #expect(throws: APIKeyError.tooLarge(path: path)) {
            try read(Array(repeating: 0x61, count: (1 << 20) + 1))
        }
        try FileManager.default.removeItem(at: file)
        #expect(throws: APIKeyError.self) { try APIKeys.read(file: path) }
    }

    @Test func aBadReplacementKeepsTheOldKeys() async throws {
        let keys = try APIKeys(["old"])
        let fixture = try APIFixture(golden: nil, keys: keys)
        func status(_ key: String) async -> Int {
            let headers = ["authorization": "Bearer \(key)"]
            return await fixture.send(.get, "/v1/models", headers: headers).status
        }
        #expect(throws: APIKeyError.badFlag) { try keys.replace(with: ["new", "two words"]) }
        #expect(await status("old") == 503)
        #expect(await status("new") == 401)
        try keys.replace(with: ["new"])
        #expect(await status("old") == 401)
        #expect(await status("new") == 503)
    }

    // MARK: - Origins

    private func fixture(_ origins: [String], keys: [String] = []) throws -> APIFixture {
        let crossOrigin = try CrossOrigin(origins)
        return try APIFixture(golden: nil, keys: APIKeys(keys)) { $0.crossOrigin = crossOrigin }
    }

    private let preflight = [
        "origin": "https://a.example", "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    ]

    @Test func preflightsPassWithoutAKey() async throws {
        let fixture = try fixture(["https://a.example"], keys: ["secret"])
        let answer = await fixture.send(.options, "/embed", headers: preflight)
        #expect(answer.status == 204)
        #expect(answer.header("access-control-allow-origin") == "https://a.example")
        #expect(answer.header("access-control-allow-methods") == "POST")
        #expect(answer.header("access-control-allow-headers")?.contains("authorization") == true)
        #expect(answer.header("vary")?.contains("Origin") == true)
    }

    /// Clients for browsers add headers of their own.
    @Test func anyHeaderMayBeSent() async throws {
        let fixture = try fixture(["*"])
        var asked = preflight
        asked["access-control-request-headers"] = "Authorization, x-stainless-os,x-stainless-lang"
        let answer = await fixture.send(.options, "/v1/embeddings", headers: asked)
        let allowed = answer.header("access-control-allow-headers")?.split(separator: ", ")
        #expect(allowed?.filter { $0 == "authorization" }.count == 1)
        #expect(allowed?.contains("x-stainless-os") == true)
        #expect(allowed?.contains("x-stainless-lang") == true)
    }

    @Test func otherOriginsGetNoLeave() async throws {
        let fixture = try fixture(["https://a.example"])
        var other = preflight
        other["origin"] = "https://b.example"
        let answer = await fixture.send(.options, "/embed", headers: other)
        for name in ["origin", "methods", "headers"] {
            #expect(answer.header("access-control-allow-\(name)") == nil)
        }
        let get = await fixture.send(.get, "/health", headers: ["origin": "https://b.example"])
        #expect(get.status == 200 && get.header("access-control-allow-origin") == nil)
        #expect(get.header("vary") == "Origin")
        #expect(await fixture.send(.get, "/health").header("vary") == "Origin")
    }

    @Test func answersAndRefusalsCanBeRead() async throws {
        let fixture = try fixture(["*"], keys: ["secret"])
        let headers = ["origin": "https://b.example"]
        for (path, status) in [("/health", 200), ("/info", 401)] {
            let answer = await fixture.send(.get, path, headers: headers)
            #expect(answer.status == status)
            #expect(answer.header("access-control-allow-origin") == "*")
            #expect(
                answer.header("access-control-expose-headers")?.contains("x-request-id") == true)
        }
    }

    @Test func everyHeaderOfOursIsAllowedAndExposed() async throws {
        let fixture = try fixture(["*"])
        let asked = await fixture.send(.options, "/embed", headers: preflight)
        let allowed = try #require(asked.header("access-control-allow-headers"))
        for name in ["x-request-timeout", "x-request-id", "cache-control", "traceparent"] {
            #expect(allowed.split(separator: ", ").contains { $0 == name }, "\(name)")
        }
        let answer = await fixture.send(.get, "/health", headers: ["origin": "https://b.example"])
        let exposed = try #require(answer.header("access-control-expose-headers"))
        let described = try #require(
            await fixture.send(.get, "/openapi.json").object["components"] as? [String: Any])
        let names = Array((described["headers"] as? [String: Any] ?? [:]).keys)
        for name in names + ["x-scoring", "location", "traceparent"] {
            #expect(exposed.split(separator: ", ").contains { $0 == name }, "\(name)")
        }
    }

    /// Refusals that no route sees.
    @Test func refusalsOfTheProtocolCanBeRead() throws {
        let fixture = try fixture(["https://a.example"])
        func refusal(from origin: String?) -> ServerResponse {
            fixture.api.answer(
                to: Refusal(
                    status: .contentTooLarge, errorType: "PayloadTooLarge", message: "too large",
                    path: "/embed", requestID: "1", origin: origin))
        }
        let name = try #require(HTTPField.Name("access-control-allow-origin"))
        #expect(refusal(from: "https://a.example").headers[name] == "https://a.example")
        #expect(refusal(from: "https://b.example").headers[name] == nil)
        #expect(refusal(from: nil).headers[name] == nil)
    }

    @Test func withoutOriginsThereAreNone() async throws {
        let fixture = try APIFixture(golden: nil)
        let answer = await fixture.send(.options, "/embed", headers: preflight)
        #expect(answer.status == 405)
        #expect(answer.header("access-control-allow-origin") == nil)
    }

    @Test(arguments: [
        "", "a.example", "https://", "https://a.example/", "https://a.example/path", "ftp://a",
        "https://a b", "null", "https://*.example",
    ])
    func whatIsNoOrigin(text: String) {
        #expect(throws: CrossOrigin.BadOrigin.self) { try CrossOrigin([text]) }
    }
}
