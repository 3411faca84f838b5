import BiGSModel
import Foundation
import HTTPAPI
import HTTPTypes
import Serving
import Testing

@Suite struct RankingRouteTests {
    private let unpadded = LoadingOptions(padding: PaddingPolicy.none)

    private func cosine(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    @Test func similarityIsTheCosineOfEmbeddings() async throws {
        let fixture = try APIFixture(options: unpadded)
        let answer = await fixture.post(
            "/similarity",
            #"{"inputs": {"source_sentence": "abc", "sentences": ["de f", "abc"]}}"#)
        #expect(answer.status == 200)
        let scores = try #require(answer.json as? [Double])
        let vectors = try #require(
            await fixture.post("/embed", #"{"inputs": ["abc", "de f"]}"#).json as? [[Double]])
        #expect(abs(scores[0] - cosine(vectors[0], vectors[1])) < 1e-6)
        #expect(abs(scores[1] - 1) < 1e-6)
        #expect(answer.header("x-input-tokens") == "15")
        let missing = await fixture.post("/similarity", #"{"inputs": {"sentences": ["a"]}}"#)
        #expect(missing.status == 422)
        #expect((missing.object["error"] as? String)?.contains("inputs.source_sentence") == true)
        for body in [
            #"{"inputs": {"source_sentence": "", "sentences": ["a"]}}"#,
            #"{"inputs": {"source_sentence": "a", "sentences": []}}"#,
            #"{"inputs": {"source_sentence": "a", "sentences": ["b", ""]}}"#, #"{"inputs": "a"}"#,
        ] { #expect(await fixture.post("/similarity", body).status == 422, "\(body)") }
    }

    /// The texts are known, the query is not: its pass is the request's.
    @Test func theQuerysWorkIsInTheTimesOfARerank() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors", keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/embed", #"{"inputs": ["abc"]}"#)
        let answer = await fixture.post("/rerank", #"{"query": "xyz", "texts": ["abc"]}"#)
        #expect(answer.header("x-cache") == "mixed")
        #expect(try #require(answer.header("x-inference-time").flatMap { Int($0) }) > 0)
    }

    @Test func rerankByCosineInEachForm() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let name = try #require(fixture.loaded).name
        let tei = await fixture.post(
            "/rerank", #"{"query": "abc", "texts": ["xyz", "abc", "abd"], "return_text": true}"#)
        #expect(tei.status == 200 && tei.header("x-scoring") == "cosine")
        let entries = try #require(tei.json as? [[String: Any]])
        #expect(entries.count == 3 && entries[0]["index"] as? Int == 1)
        #expect(entries[0]["text"] as? String == "abc")
        let scores = entries.compactMap { $0["score"] as? Double }
        #expect(scores == scores.sorted(by: >) && abs(scores[0] - 1) < 1e-6)
        for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
            let answer = await fixture.post(
                path,
                """
                {"query": "abc", "documents": ["xyz", {"text": "abc"}, "abd"], "top_n": 2,
                "return_documents": true, "model": "\(name)"}
                """)
            #expect(answer.status == 200 && answer.header("x-scoring") == "cosine")
            let results = try #require(answer.object["results"] as? [[String: Any]])
            let order = results.compactMap { $0["index"] as? Int }
            #expect(order == entries.prefix(2).compactMap { $0["index"] as? Int })
            #expect(
                results.compactMap { $0["relevance_score"] as? Double } == Array(scores.prefix(2)))
            #expect((results[0]["document"] as? [String: String])?["text"] == "abc")
            #expect(answer.object["model"] as? String == name)
            #expect((answer.object["usage"] as? [String: Int])?["total_tokens"] == 20)
        }
        let plain = await fixture.post("/rerank", #"{"query": "a", "documents": ["b"]}"#)
        let results = try #require(plain.object["results"] as? [[String: Any]])
        #expect(results[0]["document"] == nil)
    }

    @Test func aCrossEncoderReadsQueryAndTextTogether() async throws {
        let fixture = try APIFixture(
            golden: "t1/MultipleChoice/torch-safetensors", edit: .crossEncoder)
        let answer = await fixture.post(
            "/rerank", #"{"query": "abc", "texts": ["xyz", "de f"]}"#)
        #expect(answer.status == 200 && answer.header("x-scoring") == "cross-encoder")
        let pairs = await fixture.post(
            "/predict", #"{"inputs": [["abc", "xyz"], ["abc", "de f"]]}"#)
        let expected = try #require(pairs.json as? [[[String: Any]]]).map {
            $0[0]["score"] as? Double ?? -1
        }
        for entry in try #require(answer.json as? [[String: Any]]) {
            let index = try #require(entry["index"] as? Int)
            #expect(entry["score"] as? Double == expected[index])
        }
        let raw = await fixture.post(
            "/rerank", #"{"query": "abc", "texts": ["xyz", "de f"], "raw_scores": true}"#)
        let first = try #require(raw.json as? [[String: Any]])[0]
        let index = try #require(first["index"] as? Int)
        let score = try #require(first["score"] as? Double)
        #expect(abs(1 / (1 + exp(-score)) - expected[index]) < 1e-6)
    }

    @Test func whatCannotBeRankedIsRefused() async throws {
        let fixture = try APIFixture(options: unpadded)
        for (body, field) in [
            (#"{"texts": ["a"]}"#, "query"), (#"{"query": "a"}"#, "texts"),
            (#"{"query": "", "texts": ["a"]}"#, "query"),
            (#"{"query": "a", "texts": []}"#, "texts"),
            (#"{"query": "a", "texts": ["b", ""]}"#, "texts[1]"),
            (#"{"query": "a", "texts": ["b"], "documents": ["b"]}"#, "documents"),
            (#"{"query": "a", "documents": ["b"], "top_n": 0}"#, "top_n"),
            (#"{"query": "a", "documents": [3]}"#, "documents"),
        ] {
            let answer = await fixture.post("/rerank", body)
            #expect(answer.status == 422, "\(body)")
            #expect((answer.object["error"] as? String)?.hasPrefix(field) == true, "\(body)")
        }
        let many = Array(repeating: "\"a\"", count: 33).joined(separator: ",")
        #expect(
            await fixture.post("/rerank", #"{"query": "a", "texts": [\#(many)]}"#).status == 422)
        #expect(
            await fixture.post("/rerank", #"{"query": "a", "documents": [\#(many)]}"#).status == 200
        )
        let openAI = await fixture.post("/v1/rerank", #"{"documents": ["a"]}"#)
        #expect((openAI.object["error"] as? [String: Any])?["param"] as? String == "query")
    }

    @Test func promptsOfEachSideAreUsedWhereTheModelHasThem() async throws {
        let fixture = try APIFixture(
            golden: "t1/MaskedLM/torch-safetensors",
            edit: .prompts(#"{"prompts": {"query": "q ", "document": "d "}}"#))
        let answer = await fixture.post("/rerank", #"{"query": "abc", "texts": ["xyz"]}"#)
        let score = try #require(answer.json as? [[String: Any]])[0]["score"] as? Double
        let vectors = try #require(
            await fixture.post("/embed", #"{"inputs": ["q abc", "d xyz"]}"#).json as? [[Double]])
        #expect(abs(try #require(score) - cosine(vectors[0], vectors[1])) < 1e-6)
    }
}
