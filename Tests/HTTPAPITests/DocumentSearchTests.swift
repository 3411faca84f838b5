import BiGSModel
import Foundation
import HTTPAPI
import HTTPTypes
import Serving
import Testing

@Suite struct DocumentSearchTests {
    /// Puts a few documents whose texts differ in their letters.
    private func filled() async throws -> APIFixture {
        let fixture = try APIFixture(keeps: true)
        let answer = await fixture.post(
            "/documents",
            """
            [{"id":"apples","text":"Apples are red. Some are green","metadata":{"year":2019},"chunk":"sentence"},
             {"id":"bears","text":"bears live in woods","metadata":{"year":2021},"chunk":"sentence"},
             {"id":"cedars","text":"cedars grow in woods and on hills","metadata":{"year":2022}}]
            """)
        #expect(answer.status == 201)
        return fixture
    }

    @Test func searchFindsByMeaningWordsAndBoth() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        func search(_ body: String) async -> APIFixture.Answer {
            await fixture.post("/documents/search", body)
        }
        // A document's own text is its nearest.
        let own = await search(#"{"query":"bears live in woods","top_k":2,"include":["text"]}"#)
        #expect(own.status == 200, "\(own.object)")
        #expect(own.hits.first == "bears" && own.hits.count == 2)
        let first = (own.object["results"] as? [[String: Any]])?.first ?? [:]
        #expect(abs((first["score"] as? Double ?? 0) - 1) < 1e-5)
        #expect(first["text"] as? String == "bears live in woods" && first["metadata"] == nil)
        #expect(own.header("x-cache") == "miss")

        let words = await search(#"{"query":"green","mode":"text"}"#)
        #expect(words.hits == ["apples"])
        let both = await search(#"{"query":"woods","mode":"hybrid","explain":true}"#)
        #expect(Set(both.hits) == ["apples", "bears", "cedars"])
        let explained = (both.object["results"] as? [[String: Any]])?.last?["explain"]
        #expect((explained as? [String: Any])?["text"] is NSNull)

        let scaled = await search(
            #"{"query":"woods","mode":"hybrid","fusion":"relative_score"}"#)
        #expect(scaled.status == 200 && scaled.hits.count == 3)
        let scores = (scaled.object["results"] as? [[String: Any]] ?? []).compactMap {
            $0["score"] as? Double
        }
        // The one that has the word has the best BM25, and half of that counts.
        #expect(scores.allSatisfy { (0...1).contains($0) } && (scores.first ?? 0) >= 0.5)

        // The first place of both rankings, with a constant of 3.
        let ranked = await search(
            #"{"query":"woods","mode":"hybrid","fusion":"rrf","rank_constant":3,"top_k":1}"#)
        let best = (ranked.object["results"] as? [[String: Any]])?.first?["score"] as? Double
        #expect([2.0 / 4, 1.0 / 4 + 1.0 / 5, 1.0 / 4 + 1.0 / 6].contains(best))

        // With all the weight on one side, its hits alone.
        let worded = await search(#"{"query":"woods","mode":"hybrid","alpha":0}"#)
        let found = await search(#"{"query":"woods","mode":"text"}"#)
        #expect(worded.hits == found.hits)
        let meant = await search(#"{"query":"woods","mode":"hybrid","alpha":1}"#)
        let meanings = await search(#"{"query":"woods"}"#)
        #expect(meant.hits == meanings.hits)

        let like = await search(#"{"like":"bears"}"#)
        #expect(!like.hits.contains("bears") && like.hits.count == 2)
        #expect(await search(#"{"like":"nobody"}"#).status == 404)
        let filtered = await search(#"{"query":"woods","filter":{"year":{"$lt":2022}}}"#)
        #expect(Set(filtered.hits) == ["apples", "bears"])

        let vector = await fixture.post("/embed", #"{"inputs":"bears live in woods"}"#)
        let json = String(decoding: vector.bytes.dropFirst().dropLast(), as: UTF8.self)
        let byVector = await search(#"{"embedding":\#(json),"top_k":1}"#)
        #expect(byVector.hits == ["bears"])
    }

    @Test(arguments: [
        ("{}", "query: is missing"), (#"{"query":""}"#, "query: cannot be empty"),
        (#"{"query":"a","like":"b"}"#, "like: expected one of"),
        (#"{"like":"b","mode":"text"}"#, "query: mode text"),
        (#"{"query":"a","mode":"magic"}"#, "mode: expected"),
        (#"{"query":"a","mode":"hybrid","fusion":"sum"}"#, "fusion: expected"),
        (#"{"query":"a","fusion":"rrf"}"#, "fusion: joins rankings"),
        (#"{"query":"a","rank_constant":5}"#, "rank_constant: joins rankings"),
        (#"{"query":"a","mode":"hybrid","rank_constant":0}"#, "rank_constant: expected 1"),
        (#"{"query":"a","alpha":0.4}"#, "alpha: joins rankings"),
        (#"{"query":"a","mode":"hybrid","alpha":-0.1}"#, "alpha: expected 0 to 1, got -0.1"),
        (#"{"query":"a","mode":"hybrid","alpha":1.5}"#, "alpha: expected 0 to 1"),
        (#"{"query":"a","mode":"hybrid","alpha":"much"}"#, "alpha"),
        (
            #"{"query":"a","mode":"hybrid","fusion":"relative_score","rank_constant":5}"#,
            "rank_constant: belongs to fusion rrf"
        ),
        (#"{"query":"a","top_k":0}"#, "top_k: expected 1"),
        (#"{"query":"a","filter":{"$foo":[]}}"#, "filter.$foo"),
        (#"{"query":"a","include":["all"]}"#, "include: expected"),
        (#"{"embedding":[1,2]}"#, "embedding"),
        (#"{"query":"a","passages":3}"#, "passages"),
        (#"{"query":"a","passage_weight":1.1}"#, "passage_weight: expected 0 to 1, got 1.1"),
        (#"{"query":"a","passage_weight":0.5,"mode":"text"}"#, "passage_weight: is about"),
        (
            #"{"query":"a","passage_weight":0.5,"passages":true}"#,
            "passage_weight: ranks documents"
        ),
        (#"{"query":"a","passages":"bogus"}"#, "passages: expected document, sentence"),
        (#"{"query":"a","prompt_name":"none"}"#, "prompt_name"),
    ])
    func wrongSearchesAreNamed(body: String, message: String) async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post("/documents/search", body)
        #expect(answer.status == 422, "\(answer.object)")
        #expect((answer.object["error"] as? String)?.contains(message) == true, "\(answer.object)")
    }

    @Test func aVectorWithoutADirectionIsRefused() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        let size = try #require(fixture.loaded).configuration.hiddenSize
        let zeros = Array(repeating: "0", count: size).joined(separator: ",")
        let answer = await fixture.post("/documents/search", #"{"embedding":[\#(zeros)]}"#)
        #expect(answer.status == 422)
        #expect((answer.object["error"] as? String)?.contains("length 0") == true)
    }

    /// A question is read as texts are elsewhere.
    @Test func questionsFollowTheRulesOfTheRequest() async throws {
        let fixture = try APIFixture(keeps: true) { $0.autoTruncate = false }
        defer { fixture.executor?.stop() }
        func search(_ body: String, _ cacheControl: String? = nil) async -> APIFixture.Answer {
            await fixture.post(
                "/documents/search", body,
                headers: cacheControl.map { ["cache-control": $0] } ?? [:])
        }
        let long = String(repeating: "a ", count: 300)
        for mode in ["vector", "hybrid"] {
            let refused = await search(#"{"query":"\#(long)","mode":"\#(mode)"}"#)
            #expect(refused.status == 422)
            let message = refused.object["error"] as? String
            #expect(message?.hasPrefix("query: has 302 tokens") == true)
            let cut = await search(#"{"query":"\#(long)","mode":"\#(mode)","truncate":true}"#)
            #expect(cut.status == 200 && cut.header("x-truncated-inputs") == "1")
            #expect(cut.header("x-input-tokens") == "302")
            #expect(cut.header("x-compute-tokens") == "128")
        }
        let windows = await search(#"{"query":"\#(long)","long":"windows"}"#)
        #expect(windows.status == 200 && windows.header("x-truncated-inputs") == "0")

        let query = #"{"query":"bears"}"#
        #expect(await search(query, "only-if-cached").status == 504)
        #expect(await search(query, "no-store").header("x-cache") == "miss")
        #expect(await search(query, "no-store").header("x-cache") == "miss")
        #expect(await search(query).header("x-cache") == "miss")
        let hit = await search(query, "only-if-cached")
        #expect(hit.header("x-cache") == "hit" && hit.header("age") != nil)
        #expect(await search(query, "no-cache").header("x-cache") == "miss")
        let words = await search(#"{"query":"bears","mode":"text"}"#, "only-if-cached")
        #expect(words.status == 200 && words.header("x-cache") == nil)
    }

    @Test func passagesAreRankedAndCutOut() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post(
            "/documents/search", #"{"query":"Some are green","passages":"sentence","top_k":5}"#)
        #expect(answer.status == 200, "\(answer.object)")
        #expect(answer.hits.sorted() == ["apples", "apples", "bears"])
        let hits = answer.object["results"] as? [[String: Any]] ?? []
        let texts = hits.compactMap { ($0["passage"] as? [String: Any])?["text"] as? String }
        #expect(texts.sorted() == ["Apples are red.", "Some are green", "bears live in woods"])
        #expect(hits.allSatisfy { $0["text"] == nil })
        #expect(answer.object["warning"] == nil)
        let none = await fixture.post(
            "/documents/search", #"{"query":"Some are green","passages":"line"}"#)
        #expect((none.object["results"] as? [Any])?.isEmpty == true)
        #expect((none.object["warning"] as? String)?.hasPrefix("no passage was found") == true)
    }

    @Test func passagesCountBesideTheirDocuments() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        let long = "rivers run. bears live in woods. apples are green. roads lead to towns."
        let put = await fixture.put("/documents/long", #"{"text":"\#(long)","chunk":"sentence"}"#)
        #expect(put.status == 201, "\(put.object)")
        for (mode, weight) in [("vector", 1.0), ("vector", 0.3), ("hybrid", 0.3)] {
            let answer = await fixture.post(
                "/documents/search",
                #"{"query":"roads","mode":"\#(mode)","passage_weight":\#(weight),"explain":true}"#)
            #expect(answer.status == 200, "\(answer.object)")
            let hits = answer.object["results"] as? [[String: Any]] ?? []
            #expect(hits.count == 4)
            for hit in hits {
                let explain = hit["explain"] as? [String: Any] ?? [:]
                let own = (explain["vector"] as? [String: Any])?["score"] as? Double ?? .nan
                let best = (explain["passage"] as? [String: Any])?["score"] as? Double ?? .nan
                let passage = hit["passage"] as? [String: Any]
                switch hit["id"] as? String {
                case "long":
                    let start = passage?["start"] as? Int ?? 0
                    let text = passage?["text"] as? String ?? ""
                    #expect(long.dropFirst(start).hasPrefix(text) && !text.isEmpty)
                case "cedars": #expect(passage == nil && own == best)
                default: #expect(passage != nil)
                }
                guard mode == "vector" else { continue }
                let score = hit["score"] as? Double ?? .nan
                #expect(abs(score - ((1 - weight) * own + weight * best)) < 1e-12)
            }
        }
        let none = await fixture.post(
            "/documents/search", #"{"query":"roads","passage_weight":0}"#)
        let plain = await fixture.post("/documents/search", #"{"query":"roads"}"#)
        #expect(none.bytes == plain.bytes)
    }

    @Test func whatWasJustPutIsFound() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        for number in 0..<5 {
            _ = await fixture.post("/documents", #"{"id":"new","text":"number \#(number)"}"#)
            let answer = await fixture.post(
                "/documents/search", #"{"query":"number \#(number)","top_k":1}"#)
            #expect(answer.hits == ["new"])
        }
        #expect(await fixture.send(.delete, "/documents/new").status == 200)
        let gone = await fixture.post("/documents/search", #"{"query":"number 4"}"#)
        #expect(!gone.hits.contains("new"))
    }

    @Test func whatNoSearchHasIsRefused() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for (member, field) in [
            (#""where":{"a":1}"#, "where"), (#""limit":3"#, "limit"),
            (#""passages":true,"mode":"text""#, "passages"),
        ] {
            let answer = await fixture.post("/documents/search", #"{"query":"a",\#(member)}"#)
            #expect(answer.status == 422, "\(member)")
            #expect(
                (answer.object["error"] as? String)?.hasPrefix("\(field): ") == true,
                "\(answer.object)")
        }
        #expect(
            await fixture.post(
                "/documents/search", #"{"query":"a","passages":false,"mode":"text"}"#
            ).status == 200)
    }

    /// What may stand in `parameters` counts, and what may not is refused and not passed over.
    @Test func parametersOfASearch() async throws {
        let fixture = try await filled()
        defer { fixture.executor?.stop() }
        let one = await fixture.post(
            "/documents/search", #"{"query":"ab","parameters":{"top_k":1}}"#)
        #expect(one.status == 200 && (one.object["results"] as? [Any])?.count == 1)
        for (parameters, field) in [
            (#"{"filter":{"kind":"tree"}}"#, "parameters.filter: is not a field"),
            (#"{"top_k":0}"#, "top_k: expected"), ("[]", "parameters: expected an object"),
        ] {
            let refused = await fixture.post(
                "/documents/search", #"{"query":"ab","parameters":\#(parameters)}"#)
            #expect(refused.status == 422)
            let error = refused.object["error"] as? String ?? ""
            #expect(error.hasPrefix(field), "\(error)")
        }
    }
}
