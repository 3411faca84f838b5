import BiGSModel
import Foundation
import HTTPTypes
import Serving
import Testing

/// How many tokens each text had and how many were used, wherever an answer has room to say it.
@Suite struct TruncationReportTests {
    private static let long = String(repeating: "a ", count: 200)

    private func counts(_ value: Any?) -> [Int]? {
        guard let object = value as? [String: Any], let tokens = object["tokens"] as? Int,
            let used = object["tokens_used"] as? Int
        else { return nil }
        return [tokens, used]
    }

    @Test func classesOfEachInput() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post("/classify", #"{"input":["abc","\#(Self.long)"]}"#)
        let inputs = try #require(answer.object["inputs"] as? [Any])
        #expect(inputs.map(counts) == [[5, 5], [202, 128]])
        // Read beside two labels, a text is read twice.
        let pairs = await fixture.post(
            "/classify",
            #"""
            {"input":"\#(Self.long)","candidate_labels":["x","y"],"hypothesis_template":"{}"}
            """#)
        #expect(pairs.header("x-scoring") == "entailment")
        let paired = try #require(pairs.object["inputs"] as? [Any])
        #expect(paired.map(counts) == [[2 * 204, 2 * 128]])
        let encoder = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        defer { encoder.executor?.stop() }
        let cosines = await encoder.post(
            "/classify", #"{"input":["\#(Self.long)"],"candidate_labels":["x","y"]}"#)
        #expect(cosines.header("x-scoring") == "cosine")
        #expect((cosines.object["inputs"] as? [Any])?.map(counts) == [[202, 128]])
    }

    @Test(arguments: ["cosine", "cross-encoder"])
    func eachRankedDocument(scoring: String) async throws {
        let fixture =
            scoring == "cosine"
            ? try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
            : try APIFixture(
                golden: "t1/MultipleChoice/torch-safetensors",
                options: LoadingOptions(padding: PaddingPolicy.none), edit: .crossEncoder)
        defer { fixture.executor?.stop() }
        // A cross-encoder reads the query and one more [SEP] beside the document.
        let more = scoring == "cosine" ? 0 : 3
        for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
            let answer = await fixture.post(
                path, #"{"query":"bc","documents":["\#(Self.long)","abc","d"],"top_n":2}"#)
            #expect(answer.header("x-scoring") == scoring)
            let results = try #require(answer.object["results"] as? [[String: Any]])
            #expect(results.count == 2)
            for result in results {
                let expected = [[202, 128], [5, 5], [3, 3]][try #require(result["index"] as? Int)]
                let isCut = expected[0] > 128
                #expect(
                    counts(result) == [expected[0] + more, isCut ? 128 : expected[1] + more])
            }
            // text-embeddings-inference's form stays as its clients know it.
            let tei = await fixture.post(path, #"{"query":"bc","texts":["abc"]}"#)
            #expect(
                (tei.array.first as? [String: Any])?.keys.sorted() == ["index", "score"])
        }
    }

    @Test func everyAnswerAboutADocument() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let body = #"{"id":"a","text":"\#(Self.long)","chunk":"document"}"#
        func put(_ body: String) async -> APIFixture.Answer {
            await fixture.send(
                .put, "/documents/a", Array(body.utf8), contentType: "application/json")
        }
        // Stored, unchanged, and with new metadata: the counts are those of the document.
        for (metadata, status) in [
            ("", "stored"), ("", "unchanged"), (#","metadata":{"n":1}"#, "replaced"),
        ] {
            let answer = await put(body.dropLast() + metadata + "}")
            #expect(answer.object["status"] as? String == status)
            #expect(counts(answer.object) == [202, 128], "\(status)")
            #expect(answer.header("x-input-tokens") == "202", "\(status)")
            #expect(answer.header("x-truncated-inputs") == "1", "\(status)")
            #expect(answer.header("x-compute-tokens") == "128", "\(status)")
        }
        let list = await fixture.post(
            "/documents", #"[\#(body),{"id":"b","text":"abc"}]"#)
        let receipts = try #require(list.object["documents"] as? [Any])
        #expect(receipts.map(counts) == [[202, 128], [5, 5]])
        #expect(list.header("x-cache") == "mixed" && list.header("x-compute-tokens") == "133")
        let imported = try await fixture.stream(
            .post, "/documents/import", Array((body + "\n" + #"{"id":"c","text":"d"}"#).utf8),
            contentType: "application/x-ndjson"
        ).lines()
        #expect(imported.prefix(2).map { counts($0) } == [[202, 128], [3, 3]])

        let document = await fixture.send(.get, "/documents/a").object
        #expect(counts(document) == [202, 128] && document["truncated"] as? Bool == true)
        let page = await fixture.send(.get, "/documents?order=id").object
        #expect(
            (page["documents"] as? [Any])?.map(counts) == [[202, 128], [5, 5], [3, 3]])
        for mode in ["vector", "hybrid"] {
            let found = await fixture.post(
                "/documents/search", #"{"query":"a","mode":"\#(mode)","include":[]}"#)
            let hits = try #require(found.object["results"] as? [[String: Any]])
            let counted = Dictionary(
                uniqueKeysWithValues: hits.map { ($0["id"] as? String ?? "", counts($0)) })
            #expect(counted == ["a": [202, 128], "b": [5, 5], "c": [3, 3]], "\(mode)")
        }
        for line in try await fixture.stream(.get, "/documents/export").lines() {
            #expect(counts(line) != nil)
        }
    }
}
