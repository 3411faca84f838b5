import BiGSModel
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

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
        #expect(absent.object["error"] as? String == "inputs is not in the cache")

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

    /// A caller's own tokens may be the ones that texts are padded with.
    @Test func tokensLikePaddingAreNotTakenForIt() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(fixture.loaded?.padding == .maxLength)
        let pad = try #require(fixture.loaded).configuration.padTokenID
        var vectors: [[UInt8]] = []
        for ids in ["[5,6,7,\(pad),\(pad)]", "[5,6,7]"] {
            let answer = await fixture.post("/embed", #"{"inputs":[\#(ids)]}"#)
            #expect(answer.status == 200 && answer.header("x-cache") == "miss", "\(ids)")
            vectors.append(answer.bytes)
        }
        #expect(vectors[0] != vectors[1])
        let both = await fixture.post(
            "/embed", #"{"inputs":[[5,6,7],[5,6,7,\#(pad),\#(pad)]]}"#,
            headers: ["cache-control": "no-cache"])
        #expect(both.array.first as? [Double] != both.array.last as? [Double])
    }

    @Test func everyEncodingRouteDoes() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/documents", #"{"id":"kept","text":"another text"}"#)
        let passes = fixture.executor?.counts.passes
        for (path, body, field) in [
            ("/embed", body, "inputs"), ("/predict", body, "inputs"),
            ("/predict", #"{"inputs":"a text","evidence":true}"#, "inputs"),
            ("/v1/embeddings", #"{"input":["a text"]}"#, "input[0]"),
            ("/embed_all", body, "inputs"), ("/chunk", body, "inputs"),
            ("/rerank", #"{"query":"a","texts":["b"]}"#, "query"),
            ("/similarity", #"{"inputs":{"source_sentence":"a","sentences":["b"]}}"#, "inputs.s"),
            ("/documents", #"{"text":"a text"}"#, "text"),
            ("/documents", #"{"text":"a text","chunk":"sentence"}"#, "text"),
            ("/documents/search", #"{"query":"a text"}"#, "query"),
            ("/documents/kept/chunk", #"{"granularity":"sentence"}"#, "text"),
            ("/documents/kept/predict", #"{"evidence":true}"#, "text"),
        ] {
            let answer = await fixture.post(
                path, body, headers: ["cache-control": "only-if-cached"])
            #expect(answer.status == 504, "\(path)")
            let error = answer.object["error"] as? String
            let message =
                error ?? (answer.object["error"] as? [String: Any])?["message"] as? String
            #expect(message?.hasPrefix(field) == true, "\(path): \(message ?? "")")
        }
        #expect(fixture.executor?.counts.passes == passes)
    }

    @Test func everyRouteOfTokenHeadsDoes() async throws {
        for (golden, path, body) in [
            ("MaskedLM", "/fill-mask", #"{"inputs":"a [MASK]"}"#),
            ("TokenClassification", "/token_classification", #"{"inputs":"a b"}"#),
            ("QuestionAnswering", "/answer", #"{"question":"a","context":"b"}"#),
        ] {
            let fixture = try APIFixture(golden: "t1/\(golden)/torch-safetensors")
            defer { fixture.executor?.stop() }
            let answer = await fixture.post(
                path, body, headers: ["cache-control": "only-if-cached"])
            #expect(answer.status == 504 && answer.errorType == "NotCached", "\(path)")
        }
    }

    /// A document is encoded from what the cache has, unless it is told not to.
    @Test func documentsTakeWhatTheCacheHas() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for (id, control, cache) in [("a", "", "hit"), ("b", "no-cache", "miss")] {
            _ = await fixture.post("/embed", #"{"inputs":"text \#(id)"}"#)
            let passes = try #require(fixture.executor?.counts.passes)
            let answer = await fixture.post(
                "/documents", #"{"id":"\#(id)","text":"text \#(id)"}"#,
                headers: control.isEmpty ? [:] : ["cache-control": control])
            #expect(answer.status == 201 && answer.header("x-cache") == cache, "\(id)")
            #expect(fixture.executor?.counts.passes == passes + (cache == "hit" ? 0 : 1))
            #expect(answer.header("x-inference-time") != nil)
            #expect(answer.header("x-compute-characters") == "6")
        }
    }

    @Test func directives() {
        #expect(CachePolicy(cacheControl: nil) == CachePolicy())
        #expect(CachePolicy(cacheControl: "") == CachePolicy())
        #expect(CachePolicy(cacheControl: "max-stale=3, foo, ,=") == CachePolicy())
        #expect(!CachePolicy(cacheControl: "No-Cache").mayRead)
        #expect(!CachePolicy(cacheControl: "foo, no-store").mayKeep)
        #expect(CachePolicy(cacheControl: "only-if-cached,no-store").isReadOnly)
        let all = CachePolicy(cacheControl: " no-cache\t, no-store , max-age = 60")
        #expect(!all.mayRead && !all.mayKeep && !all.isReadOnly && all.maximumAge == 60)
        #expect(CachePolicy(cacheControl: "max-age=-1").maximumAge == nil)
        #expect(CachePolicy(cacheControl: "max-age=x").maximumAge == nil)
    }
}
