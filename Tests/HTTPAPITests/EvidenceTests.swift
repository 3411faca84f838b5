import BiGSModel
import Foundation
import HTTPTypes
import Serving
import Testing

/// Evidence for the checkpoint's own classification head, and that head on kept documents.
@Suite struct EvidenceTests {
    private static let text = "Ab cd ef. Gh ij kl? Mn op. Qr st uv wx."

    private func predictions(_ value: Any?) throws -> [[String: Any]] {
        try #require(value as? [[String: Any]])
    }

    private func withoutEvidence(_ value: Any?) throws -> [[String: NSObject]] {
        try predictions(value).map { entry in
            entry.filter { $0.key != "evidence" }.compactMapValues { $0 as? NSObject }
        }
    }

    /// A passage's score is what the head says of the mean of its tokens' states.
    @Test(arguments: [PaddingPolicy.none, .maxLength], [true, false])
    func passagesAreJudgedByTheHead(padding: PaddingPolicy, raw: Bool) async throws {
        let fixture = try APIFixture(options: LoadingOptions(padding: padding))
        defer { fixture.executor?.stop() }
        let options = #""inputs":"\#(Self.text)","raw_scores":\#(raw)"#
        let plain = await fixture.post("/predict", "{\(options)}")
        let answer = await fixture.post("/predict", #"{\#(options),"evidence":true}"#)
        #expect(answer.status == 200, "\(answer.object)")
        #expect(try withoutEvidence(answer.json) == withoutEvidence(plain.json))
        #expect(answer.header("x-compute-tokens") == plain.header("x-compute-tokens"))

        let chunks = try predictions(
            await fixture.post(
                "/chunk", #"{"inputs":"\#(Self.text)","pooling":"mean","normalize":false}"#
            ).json)
        let means = try chunks.map { chunk in
            try #require(chunk["embedding"] as? [Double]).map { Float($0) }
        }
        let loaded = try #require(fixture.loaded)
        let logits = try #require(loaded.model.scores(ofMeans: means))
        for entry in try predictions(answer.json) {
            let label = try #require(
                loaded.configuration.labels.firstIndex {
                    $0 == entry["label"] as? String
                })
            let expected = logits.map { raw ? $0[label] : Probabilities.softmax($0)[label] }
            let evidence = try predictions(entry["evidence"])
            #expect(evidence.count == 3)
            let scores = try evidence.map { try #require($0["score"] as? Double) }
            #expect(scores == scores.sorted(by: >))
            #expect(scores.map { Float($0) } == Array(expected.sorted(by: >).prefix(3)))
            for passage in evidence {
                let chunk = try #require(
                    chunks.firstIndex {
                        $0["start"] as? Int == passage["start"] as? Int
                    })
                #expect(passage["end"] as? Int == chunks[chunk]["end"] as? Int)
                #expect(Float(try #require(passage["score"] as? Double)) == expected[chunk])
                let range = try #require(passage["start"] as? Int)..<(passage["end"] as? Int ?? 0)
                #expect(passage["text"] as? String == String(Array(Self.text)[range]))
            }
        }
    }

    @Test func batchesWindowsAndLabelsOfTheirOwn() async throws {
        let fixture = try APIFixture(edit: .multiLabel)
        defer { fixture.executor?.stop() }
        let long = (0..<60).map { "Ab c\(["d", "e", "f"][$0 % 3])." }.joined(separator: " ")
        for options in [#""top_k":1"#, #""top_k":2,"long":"windows""#] {
            let inputs = #""inputs":[["\#(Self.text)"],["\#(long)"]],\#(options)"#
            let plain = await fixture.post("/predict", "{\(inputs)}")
            let answer = await fixture.post("/predict", #"{\#(inputs),"evidence":"sentence"}"#)
            for (plain, answer) in zip(plain.array, answer.array) {
                #expect(try withoutEvidence(answer) == withoutEvidence(plain))
                for entry in try predictions(answer) {
                    #expect(try predictions(entry["evidence"]).count == 3)
                }
            }
            #expect(answer.array.count == 2)
            #expect(
                answer.header("x-truncated-inputs") == (options.contains("windows") ? "0" : "1"))
        }
    }

    @Test func whereThereIsNoneItIsRefused() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let pair = await fixture.post("/predict", #"{"inputs":["a","b"],"evidence":true}"#)
        #expect(pair.status == 422)
        #expect((pair.object["error"] as? String)?.hasPrefix("inputs:") == true)
        let off = await fixture.post("/predict", #"{"inputs":["a","b"],"evidence":false}"#)
        #expect(off.status == 200)
        let encoder = try APIFixture(golden: "t1/MaskedLM/torch-safetensors", keeps: true)
        defer { encoder.executor?.stop() }
        let none = await encoder.post("/predict", #"{"inputs":"a","evidence":true}"#)
        #expect(none.status == 424 && none.errorType == "Backend")
        _ = await encoder.post("/documents", #"{"id":"a","text":"ab"}"#)
        #expect(
            await encoder.post("/documents/a/predict", #"{"evidence":true}"#).status == 424)
    }

    /// The head reads the mean of all tokens, which is kept: the very same scores, and no pass.
    @Test(arguments: ["none", "float16", "int8"], [PaddingPolicy.none, .maxLength])
    func keptDocumentsAreJudgedWithoutEncoding(
        states: String, padding: PaddingPolicy
    ) async throws {
        let fixture = try APIFixture(options: LoadingOptions(padding: padding), keeps: true)
        defer { fixture.executor?.stop() }
        let stored = await fixture.post(
            "/documents", #"{"id":"a","text":"\#(Self.text)","keep_states":"\#(states)"}"#)
        #expect(stored.status == 201)
        let passes = fixture.executor?.counts.passes
        let own = await fixture.post("/documents/a/predict", "{}")
        #expect(own.header("x-cache") == "hit" && fixture.executor?.counts.passes == passes)
        let evidence = await fixture.post("/documents/a/predict", #"{"evidence":true}"#)
        let isKept = states != "none"
        #expect(evidence.header("x-cache") == (isKept ? "hit" : "miss"))
        #expect(fixture.executor?.counts.passes == (passes ?? 0) + (isKept ? 0 : 1))
        let direct = await fixture.post("/predict", #"{"inputs":"\#(Self.text)"}"#)
        #expect(own.bytes == direct.bytes)
        #expect(try withoutEvidence(evidence.json) == withoutEvidence(direct.json))
        let expected = await fixture.post(
            "/predict", #"{"inputs":"\#(Self.text)","evidence":true}"#)
        let tolerance = try #require(["none": 0.0, "float16": 1e-3, "int8": 1e-2][states])
        for (a, b) in zip(try predictions(evidence.json), try predictions(expected.json)) {
            let (a, b) = (try predictions(a["evidence"]), try predictions(b["evidence"]))
            #expect(a.count == 3 && b.count == 3)
            for (a, b) in zip(a, b) {
                let (x, y) = (a["score"] as? Double ?? -1, b["score"] as? Double ?? -2)
                #expect(abs(x - y) <= tolerance)
            }
        }
    }

    /// Where the mean of all tokens is not kept, it is told from states, or the text is encoded.
    @Test func otherwiseKeptDocumentsAreJudgedAsTheirTexts() async throws {
        let cls = try APIFixture(
            options: LoadingOptions(pooling: .cls, padding: PaddingPolicy.none), keeps: true)
        defer { cls.executor?.stop() }
        let direct = try predictions(
            await cls.post("/predict", #"{"inputs":"\#(Self.text)"}"#).json)
        for (states, cache) in [("float16", "hit"), ("none", "hit")] {
            _ = await cls.post(
                "/documents", #"{"id":"a","text":"\#(Self.text)","keep_states":"\#(states)"}"#)
            let passes = cls.executor?.counts.passes
            let kept = await cls.post("/documents/a/predict", "{}")
            // Without states the text's own scores are in the cache.
            #expect(kept.header("x-cache") == cache && cls.executor?.counts.passes == passes)
            for (a, b) in zip(try predictions(kept.json), direct) {
                #expect(a["label"] as? String == b["label"] as? String)
                #expect(abs((a["score"] as? Double ?? -1) - (b["score"] as? Double ?? 2)) < 1e-3)
            }
        }
        let fixture = try APIFixture(
            options: LoadingOptions(padding: PaddingPolicy.none), keeps: true,
            edit: .prompts(#"{"prompts": {"passage": "find me "}}"#))
        defer { fixture.executor?.stop() }
        let long = (0..<60).map { "Ab c\(["d", "e", "f"][$0 % 3])." }.joined(separator: " ")
        for options in [#""prompt_name":"passage""#, #""long":"windows""#] {
            _ = await fixture.post(
                "/documents",
                #"{"id":"a","text":"\#(long)","keep_states":"float16",\#(options)}"#)
            let kept = await fixture.post("/documents/a/predict", "{}")
            #expect(kept.header("x-cache") != "hit", "\(options)")
            let direct = await fixture.post("/predict", #"{"inputs":"\#(long)",\#(options)}"#)
            #expect(kept.bytes == direct.bytes, "\(options)")
        }
    }
}
