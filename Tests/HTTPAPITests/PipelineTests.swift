import Foundation
import HTTPTypes
import Serving
import Testing

/// `POST /` by what the model is for, in the forms that Hugging Face's clients send.
@Suite struct PipelineTests {
    @Test func aClassifierPredicts() async throws {
        let fixture = try APIFixture()
        let predicted = await fixture.post("/predict", #"{"inputs": "a b"}"#)
        for path in ["/", "/invocations"] {
            let plain = await fixture.post(path, #"{"inputs": "a b"}"#)
            #expect(plain.status == 200 && plain.bytes == predicted.bytes)
        }
        let listed = await fixture.post("/", #"{"inputs": "a b", "parameters": {"top_k": null}}"#)
        let lists = try #require(listed.json as? [[[String: Any]]])
        #expect(lists.count == 1 && lists[0].count == 3)
        #expect(
            lists[0][0]["label"] as? String == (predicted.json as? [[String: Any]])?[0]["label"]
                as? String)
        let absent = await fixture.post("/", #"{"inputs": "a b", "parameters": null}"#)
        #expect(absent.bytes == listed.bytes)
        let top = await fixture.post(
            "/", #"{"inputs": ["a", "b"], "parameters": {"top_k": 1, "function_to_apply": "none"}}"#
        )
        let tops = try #require(top.json as? [[[String: Any]]])
        #expect(tops.map(\.count) == [1, 1])
    }

    /// The three functions of the pipeline, of the same scores, here as there.
    @Test func functionsToApply() async throws {
        let fixture = try APIFixture()
        func scores(_ function: String, at path: String = "/predict") async throws -> [Double] {
            let body = #"{"inputs": "a b", "parameters": {"function_to_apply": "\#(function)"}}"#
            let answer = await fixture.post(path, body)
            let list = path == "/" ? (answer.json as? [Any])?.first : answer.json
            return try #require(list as? [[String: Any]]).compactMap { $0["score"] as? Double }
        }
        let raw = try await scores("none")
        let sigmoid = try await scores("sigmoid")
        let softmax = try await scores("softmax")
        #expect(try await scores("default") == softmax)
        #expect(try await scores("none", at: "/") == raw)
        #expect(try await scores("sigmoid", at: "/") == sigmoid)
        // On every route that scores, and where only the scores themselves can be had.
        let listed = await fixture.post(
            "/classify", #"{"inputs": ["a b"], "function_to_apply": "sigmoid"}"#)
        let classes = try #require(listed.object["data"] as? [[[String: Any]]])
        #expect(classes[0].compactMap { $0["score"] as? Double } == sigmoid)
        for (function, raw) in [("none", true), ("default", false)] {
            let labels = #""inputs": "a", "candidate_labels": ["b", "c"]"#
            let named = await fixture.post(
                "/classify", "{\(labels), \"function_to_apply\": \"\(function)\"}")
            let plain = await fixture.post("/classify", "{\(labels), \"raw_scores\": \(raw)}")
            #expect(named.status == 200 && named.bytes == plain.bytes)
        }
        let both = await fixture.post(
            "/predict", #"{"inputs": "a b", "raw_scores": true, "function_to_apply": "default"}"#)
        #expect(
            (both.json as? [[String: Any]])?.compactMap { $0["score"] as? Double } == raw)
        let evidence = await fixture.post(
            "/predict", #"{"inputs": "a b", "evidence": true, "function_to_apply": "sigmoid"}"#)
        #expect(evidence.status == 422)
        let sum = raw.reduce(0) { $0 + exp($1) }
        for (index, score) in raw.enumerated() {
            #expect(abs(sigmoid[index] - 1 / (1 + exp(-score))) < 1e-6)
            #expect(abs(softmax[index] - exp(score) / sum) < 1e-6)
        }
    }

    @Test func pairsByName() async throws {
        let fixture = try APIFixture()
        let pair = await fixture.post("/predict", #"{"inputs": ["a b", "b"]}"#)
        for path in ["/", "/predict"] {
            let named = await fixture.post(
                path, #"{"inputs": {"text": "a b", "text_pair": "b"}}"#)
            #expect(named.bytes == pair.bytes)
        }
        let listed = await fixture.post("/predict", #"{"inputs": [["a b", "b"], ["a"]]}"#)
        let named = await fixture.post(
            "/predict", #"{"inputs": [{"text": "a b", "text_pair": "b"}, {"text": "a"}]}"#)
        #expect(named.status == 200 && named.bytes == listed.bytes)
    }

    @Test func anotherModelEmbeds() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let embedded = await fixture.post("/embed", #"{"inputs": ["a", "b"], "normalize": false}"#)
        #expect(embedded.status == 200)
        let plain = await fixture.post("/", #"{"inputs": ["a", "b"], "normalize": false}"#)
        #expect(plain.bytes == embedded.bytes)
        let nested = await fixture.post(
            "/", #"{"inputs": ["a", "b"], "parameters": {"normalize": false}}"#)
        #expect(nested.bytes == embedded.bytes)
    }

    @Test func candidateLabelsAreScored() async throws {
        for golden in [
            "t1/MaskedLM/torch-safetensors", "t1/SequenceClassification/torch-safetensors",
        ] {
            let fixture = try APIFixture(golden: golden)
            let labels = #""candidate_labels": ["x y", "b"]"#
            let direct = await fixture.post("/classify", #"{"inputs": ["a b", "b"], \#(labels)}"#)
            let lists = try #require(direct.object["data"] as? [[[String: Any]]])
            for body in [
                #"{"inputs": ["a b", "b"], "parameters": {\#(labels)}}"#,
                #"{"inputs": ["a b", "b"], \#(labels)}"#,
            ] {
                let answer = await fixture.post("/", body)
                #expect(answer.header("x-scoring") == direct.header("x-scoring"))
                #expect(
                    try scores(#require(answer.json as? [[[String: Any]]])) == scores(lists))
            }
            let single = await fixture.post("/", #"{"inputs": "a b", "parameters": {\#(labels)}}"#)
            #expect(
                try scores([#require(single.json as? [[String: Any]])]) == scores([lists[0]]))
        }
    }

    private func scores(_ lists: [[[String: Any]]]) -> [[String]] {
        lists.map { $0.map { "\($0["label"] ?? "") \($0["score"] ?? "")" } }
    }

    @Test func sentencesAreCompared() async throws {
        for golden in [
            "t1/MaskedLM/torch-safetensors", "t1/SequenceClassification/torch-safetensors",
        ] {
            let fixture = try APIFixture(golden: golden)
            let inputs = #""inputs": {"source_sentence": "a b", "sentences": ["a b", "b"]}"#
            let compared = await fixture.post("/similarity", "{\(inputs)}")
            #expect(compared.status == 200)
            for body in ["{\(inputs)}", #"{\#(inputs), "parameters": {}}"#] {
                #expect(await fixture.post("/", body).bytes == compared.bytes)
            }
        }
    }

    /// What is read aside is the same as what is read at once.
    @Test func longBodies() async throws {
        let fixture = try APIFixture()
        let text = String(repeating: "ab ", count: 30_000)
        let predicted = await fixture.post("/predict", #"{"inputs": [["\#(text)"]], "top_k": 1}"#)
        #expect(predicted.status == 200)
        let piped = await fixture.post(
            "/", #"{"inputs": "\#(text)", "parameters": {"top_k": 1}}"#)
        #expect(piped.bytes == predicted.bytes)
        let broken = await fixture.post("/", #"{"inputs": "\#(text)", "#)
        #expect(broken.status == 400 && broken.errorType == "Malformed")
    }

    @Test(arguments: [
        #"{"inputs": "a", "parameters": 7}"#,
        #"{"inputs": "a", "parameters": {"function_to_apply": "relu"}}"#,
        #"{"inputs": "a", "parameters": {"top_k": "three"}}"#,
        #"{"parameters": {}}"#, #"{"inputs": {"x": 1}, "parameters": {}}"#,
    ])
    func wrongParameters(body: String) async throws {
        let answer = try await APIFixture().post("/", body)
        #expect(answer.status == 422 && answer.errorType == "Validation", "\(answer.object)")
    }
}
