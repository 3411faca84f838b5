import BiGSModel
import Foundation
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

@Suite struct ClassifyRouteTests {
    private func lists(_ answer: APIFixture.Answer) throws -> [[[String: Any]]] {
        try #require(answer.object["data"] as? [[[String: Any]]])
    }

    @Test func theHeadInOpenAIsShape() async throws {
        let fixture = try APIFixture()
        let answer = await fixture.post("/classify", #"{"input": ["abc", "d"], "top_k": 2}"#)
        #expect(answer.status == 200 && answer.header("x-scoring") == "head")
        let data = try lists(answer)
        #expect(data.map(\.count) == [2, 2])
        let predicted = try #require(
            await fixture.post("/predict", #"{"inputs": "abc"}"#).json as? [[String: Any]])
        #expect(data[0][0]["label"] as? String == predicted[0]["label"] as? String)
        #expect(data[0][0]["score"] as? Double == predicted[0]["score"] as? Double)
        #expect((answer.object["usage"] as? [String: Int])?["total_tokens"] == 8)
        let hugging = await fixture.post(
            "/classify", #"{"inputs": "abc", "parameters": {"top_k": 1}}"#)
        #expect(try lists(hugging)[0].count == 1)
    }

    @Test func severalLabelsAtOnceWhereTheProblemIsSuch() async throws {
        let fixture = try APIFixture(
            edit: .multiLabel)
        let probabilities = try #require(
            await fixture.post("/predict", #"{"inputs": "abc"}"#).json as? [[String: Any]])
        let raw = try #require(
            await fixture.post("/predict", #"{"inputs": "abc", "raw_scores": true}"#).json
                as? [[String: Any]])
        for (entry, score) in zip(probabilities, raw) {
            let value = try #require(score["score"] as? Double)
            let probability = try #require(entry["score"] as? Double)
            #expect(abs(probability - 1 / (1 + exp(-value))) < 1e-6)
        }
    }

    @Test func candidateLabelsThroughAnEntailmentHead() async throws {
        let fixture = try APIFixture()
        let answer = await fixture.post(
            "/classify", #"{"input": "abc", "candidate_labels": ["x", "y z"]}"#)
        #expect(answer.status == 200 && answer.header("x-scoring") == "entailment")
        let scores = try lists(answer)[0]
        // By hand: softmax over what the head says of "entailment" for each pair.
        let raw = await fixture.post(
            "/predict",
            """
            {"inputs": [["abc", "This example is x."], ["abc", "This example is y z."]],
            "raw_scores": true}
            """)
        func logit(_ list: [[String: Any]], _ label: String) -> Double {
            list.first { $0["label"] as? String == label }?["score"] as? Double ?? .nan
        }
        let pairs = try #require(raw.json as? [[[String: Any]]])
        let weights = pairs.map { exp(logit($0, "entailment")) }
        for (index, label) in ["x", "y z"].enumerated() {
            let score = scores.first { $0["label"] as? String == label }?["score"] as? Double
            #expect(abs(try #require(score) - weights[index] / weights.reduce(0, +)) < 1e-6)
        }
        let independent = await fixture.post(
            "/classify",
            #"{"input": "abc", "candidate_labels": "x, y z", "multi_label": true}"#)
        for (index, label) in ["x", "y z"].enumerated() {
            let e = exp(logit(pairs[index], "entailment"))
            let c = exp(logit(pairs[index], "contradiction"))
            let score =
                try lists(independent)[0].first {
                    $0["label"] as? String == label
                }?["score"] as? Double
            #expect(abs(try #require(score) - e / (e + c)) < 1e-6)
        }
        let other = await fixture.post(
            "/classify",
            """
            {"input": "abc", "candidate_labels": ["x", "y z"], "hypothesis_template": "a {} b"}
            """)
        #expect(other.status == 200 && other.bytes != answer.bytes)
    }

    @Test func candidateLabelsByCosineWithoutSuchAHead() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let answer = await fixture.post(
            "/classify",
            #"{"input": ["abc"], "candidate_labels": ["xyz", "abd"], "raw_scores": true}"#)
        #expect(answer.status == 200 && answer.header("x-scoring") == "cosine")
        let similar = try #require(
            await fixture.post(
                "/similarity",
                #"{"inputs": {"source_sentence": "abc", "sentences": ["xyz", "abd"]}}"#
            ).json as? [Double])
        let scores = try lists(answer)[0]
        #expect(scores.compactMap { $0["score"] as? Double } == similar.sorted(by: >))
        let shared = await fixture.post(
            "/classify", #"{"input": ["abc"], "candidate_labels": ["xyz", "abd"]}"#)
        let sum = try lists(shared)[0].compactMap { $0["score"] as? Double }.reduce(0, +)
        #expect(abs(sum - 1) < 1e-6)
        let independent = await fixture.post(
            "/classify",
            #"{"input": ["abc"], "candidate_labels": ["xyz", "abd"], "multi_label": true}"#)
        #expect(
            try lists(independent)[0].compactMap { $0["score"] as? Double }
                == similar.sorted(by: >).map { max(0, $0) })
        // The labels are encoded, too.
        #expect(shared.header("x-input-tokens") == "15")
        #expect((shared.object["usage"] as? [String: Int])?["total_tokens"] == 15)
        let tokens = (shared.object["inputs"] as? [[String: Any]])?.map { $0["tokens"] as? Int }
        #expect(tokens == [5])
        let long = String(repeating: "xyz ", count: 200)
        let cut = await fixture.post(
            "/classify", #"{"input": "abc", "candidate_labels": ["\#(long)", "abd"]}"#)
        #expect(cut.header("x-truncated-inputs") == "1")
        // Without labels there must be a head.
        let head = await fixture.post("/classify", #"{"input": "abc"}"#)
        #expect(head.status == 424)
        #expect((head.object["error"] as? String)?.contains("maskedLM") == true)
    }

    @Test func whatCannotBeClassifiedIsRefused() async throws {
        let fixture = try APIFixture()
        for (body, field) in [
            (#"{}"#, "input"), (#"{"input": ""}"#, "input:"), (#"{"input": []}"#, "input"),
            (#"{"input": "a", "top_k": 0}"#, "top_k"),
            (#"{"input": "a", "candidate_labels": []}"#, "candidate_labels"),
            (#"{"input": "a", "candidate_labels": ["b", ""]}"#, "candidate_labels[1]"),
            (#"{"input": [[2, 3]], "candidate_labels": ["b"]}"#, "input[0]"),
            (#"{"input": [2, 3], "candidate_labels": ["b"]}"#, "input:"),
            (
                #"{"input": "a", "candidate_labels": ["b"], "hypothesis_template": "no place"}"#,
                "hypothesis_template"
            ),
        ] {
            let answer = await fixture.post("/classify", body)
            #expect(answer.status == 422, "\(body)")
            #expect((answer.object["error"] as? String)?.hasPrefix(field) == true, "\(body)")
        }
        let many = Array(repeating: "\"b\"", count: 2_049).joined(separator: ",")
        let answer = await fixture.post(
            "/classify", #"{"input": "a", "candidate_labels": [\#(many)]}"#)
        #expect(answer.status == 422)
    }

    /// A few hundred kilobytes can ask for more than any memory holds.
    @Test(arguments: [
        "t1/SequenceClassification/torch-safetensors", "t1/MaskedLM/torch-safetensors",
    ])
    func labelsFillATemplateUpToTheSizeOfABody(golden: String) async throws {
        let fixture = try APIFixture(golden: golden) { $0.maximumBodyBytes = 1 << 20 }
        let places = String(repeating: "{}", count: 100_000)
        let label = String(repeating: "b", count: 500_000)
        let refused = await fixture.post(
            "/classify",
            #"{"input": "a", "candidate_labels": ["\#(label)"], "hypothesis_template": "\#(places)"}"#
        )
        #expect(refused.status == 422)
        #expect((refused.object["error"] as? String)?.hasPrefix("hypothesis_template: ") == true)
        let taken = await fixture.post(
            "/classify",
            #"{"input": "a", "candidate_labels": ["b", "c"], "hypothesis_template": "{} {} d"}"#)
        #expect(taken.status == 200)
    }

    @Test func theSizeOfHypothesesIsThatOfAllOfThem() throws {
        let template = try HypothesisTemplate("a {} b {}")
        let labels = ["x", "é", ""]
        let hypotheses = ["a x b x", "a é b é", "a  b "]
        #expect(try template.hypotheses(for: labels, upTo: 21) == hypotheses)
        #expect(throws: APIError.self) { try template.hypotheses(for: labels, upTo: 20) }
    }
}
