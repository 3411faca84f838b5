import Foundation
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

/// New spans of kept documents, exports, statistics.
@Suite struct DocumentViewTests {
    private let text = "Ab cd ef. Gh ab cd!\n\nDe fg h\u{e4}b 😀 c."

    private func put(_ fixture: APIFixture, _ members: String) async -> APIFixture.Answer {
        let json = text.replacing("\n", with: "\\n")
        return await fixture.put("/documents/a", #"{"text":"\#(json)"\#(members)}"#)
    }

    private func cut(_ start: Int, _ end: Int) -> String {
        String(String.UnicodeScalarView(Array(text.unicodeScalars)[start..<end]))
    }

    @Test func passagesAreKeptWithTheirPlaces() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let stored = await put(
            fixture,
            #","chunk":["sentence","paragraph",{"granularity":"tokens","size":4,"overlap":1}]"#)
        #expect(stored.status == 201, "\(stored.object)")
        let document = await fixture.send(.get, "/documents/a?passages=1").object
        let passages = try #require(document["passages"] as? [[String: Any]])
        let byName = Dictionary(grouping: passages) { $0["granularity"] as? String ?? "" }
        #expect(byName["sentence"]?.count == 3 && byName["paragraph"]?.count == 2)
        #expect((byName["tokens"]?.count ?? 0) > 3)
        for passage in passages {
            let start = try #require(passage["start"] as? Int)
            let end = try #require(passage["end"] as? Int)
            #expect(passage["text"] as? String == cut(start, end))
            #expect((passage["embedding"] as? [Double])?.count == 64)
        }
        // The same options again: nothing is encoded. Others: it is.
        let same = await put(
            fixture,
            #","chunk":["sentence","paragraph",{"granularity":"tokens","size":4,"overlap":1}]"#)
        #expect(same.object["status"] as? String == "unchanged")
        #expect(await put(fixture, "").object["status"] as? String == "replaced")
    }

    @Test(arguments: ["none", "float16", "int8"])
    func newSpansComeFromKeptStates(states: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(
            await put(fixture, #","keep_states":"\#(states)","chunk":"sentence""#).status == 201)
        let kept = await fixture.send(.get, "/documents/a?passages=1").object["passages"]
        let answer = await fixture.post(
            "/documents/a/chunk", #"{"granularity":"sentence"}"#)
        #expect(answer.status == 200, "\(answer.object)")
        #expect(answer.header("x-cache") == (states == "none" ? "miss" : "hit"))
        let tolerances: [String: Double] = ["none": 0, "float16": 2e-3, "int8": 3e-2]
        let tolerance = try #require(tolerances[states])
        let pairs = zip(
            try #require(kept as? [[String: Any]]), try #require(answer.array as? [[String: Any]]))
        for (old, new) in pairs {
            #expect(old["text"] as? String == new["text"] as? String)
            let a = try #require(old["embedding"] as? [Double])
            let b = try #require(new["embedding"] as? [Double])
            let scale = a.map(abs).max() ?? 1
            for (a, b) in zip(a, b) { #expect(abs(a - b) <= tolerance * max(scale, 1)) }
        }
        let spans = await fixture.post(
            "/documents/a/chunk", #"{"spans":[[0,9],[21,23]],"dimensions":4,"return_text":false}"#)
        #expect(spans.array.count == 2, "\(spans.object)")
        let first = try #require(spans.array.first as? [String: Any])
        #expect(first["text"] == nil && (first["embedding"] as? [Double])?.count == 4)
        for body in [
            #"{"granularity":"page"}"#, #"{"granularity":"tokens","size":0}"#,
            #"{"spans":[[3,3]]}"#, #"{"granularity":"tokens","size":4,"overlap":4}"#,
        ] {
            #expect(await fixture.post("/documents/a/chunk", body).status == 422, "\(body)")
        }
        #expect(
            await fixture.post("/documents/nobody/chunk", #"{"granularity":"sentence"}"#).status
                == 404)
    }

    @Test func exportsAreImportedAgainToTheSameVectors() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(
            await put(
                fixture,
                #","metadata":{"a_b":[1,null,"x"]},"chunk":"sentence","keep_states":"int8""#
            )
            .status == 201)
        for number in 0..<150 {
            _ = await fixture.post("/documents", #"{"id":"n\#(number)","text":"text \#(number)"}"#)
        }
        let exported = await fixture.stream(.get, "/documents/export")
        #expect(exported.header("content-type") == "application/x-ndjson")
        let lines = try exported.lines()
        #expect(lines.count == 151)
        #expect(
            lines.compactMap { $0["id"] as? String }
                == lines.compactMap { $0["id"] as? String }.sorted())
        #expect((lines[0]["embedding"] as? [Double])?.count == 64)
        #expect((lines[0]["passages"] as? [[String: Any]])?.count == 3)

        let other = try APIFixture(keeps: true)
        defer { other.executor?.stop() }
        let imported = await other.stream(
            .post, "/documents/import", exported.bytes, contentType: "application/x-ndjson")
        #expect(try imported.lines().last?["stored"] as? Int == 151)
        let again = try await other.stream(.get, "/documents/export").lines()
        for (old, new) in zip(lines, again) {
            for key in ["id", "text", "metadata", "embedding", "passages", "chunk", "keep_states"] {
                #expect(
                    (old[key] as? NSObject) == (new[key] as? NSObject),
                    "\(old["id"] ?? ""): \(key)")
            }
        }
        let some = await fixture.stream(
            .get, "/documents/export?filter=%7B%22a_b%22:%7B%22$exists%22:true%7D%7D")
        #expect(try some.lines().compactMap { $0["id"] as? String } == ["a"])
    }

    @Test func theStoreIsCountedAndCompacted() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await put(fixture, #","chunk":"sentence","keep_states":"float16""#)
        _ = await fixture.post("/embed", #"{"inputs":["one","two"]}"#)
        _ = await fixture.post("/embed", #"{"inputs":["one","three"]}"#)
        let counts = await fixture.send(.get, "/store").object
        #expect(counts["documents"] as? Int == 1 && counts["passages"] as? Int == 3)
        #expect(counts["documents_with_states"] as? Int == 1)
        #expect(counts["cached_encodings"] as? Int == 3)
        #expect((counts["hits"] as? Int ?? 0) >= 1 && (counts["misses"] as? Int ?? 0) >= 3)
        #expect(counts["oldest_document"] is Double || counts["oldest_document"] is Int)
        let compacted = await fixture.post("/store/compact", "{}")
        #expect(compacted.status == 200, "\(compacted.object)")
        #expect(compacted.object["bytes_after"] is Int)
    }

    @Test func onlySoManyExportsAtOnce() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        do {
            let share = SharedBudget.Share(of: fixture.api.exports)
            #expect(share.take(API.maximumExports))
            let answer = await fixture.stream(.get, "/documents/export")
            #expect(answer.status == 429 && answer.header("retry-after") != nil)
        }
        for _ in 0...API.maximumExports {
            #expect(await fixture.stream(.get, "/documents/export").status == 200)
        }
    }
}
