import HTTPTypes
import Serving
import Testing

@Suite struct CacheControlTests {
    private let body = #"{"inputs":"a text"}"#

    @Test func encodingRoutesHonourCacheControl() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        func ask(_ cacheControl: String?) async -> APIFixture.Answer {
            await fixture.post(
                "/embed", body, headers: cacheControl.map { ["cache-control": $0] } ?? [:])
        }
        let absent = await ask("only-if-cached")
        #expect(absent.status == 504 && absent.errorType == "NotCached")
        #expect(absent.object["error"] as? String == "inputs[0] is not in the cache")

        let unkept = await ask("no-store")
        #expect(unkept.header("x-cache") == "miss" && unkept.header("age") == nil)
        #expect(await ask("only-if-cached").status == 504)

        let first = await ask(nil)
        #expect(first.header("x-cache") == "miss")
        let hit = await ask("only-if-cached")
        #expect(hit.status == 200 && hit.header("x-cache") == "hit")
        #expect(try #require(hit.header("age").flatMap { Int($0) }) >= 0)
        #expect(hit.bytes == first.bytes)

        let anew = await ask("no-cache")
        #expect(anew.header("x-cache") == "miss" && anew.bytes == first.bytes)
    }

    @Test func everyEncodingRouteDoes() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for (path, body) in [
            ("/embed", body), ("/predict", body), ("/v1/embeddings", #"{"input":"a text"}"#),
        ] {
            let answer = await fixture.post(
                path, body, headers: ["cache-control": "only-if-cached"])
            #expect(answer.status == 504, "\(path)")
        }
    }
}
