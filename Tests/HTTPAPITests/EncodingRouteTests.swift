import BiGSModel
import Foundation
import HTTPAPI
import HTTPTypes
import Serving
import Testing

@Suite struct EncodingRouteTests {
    private func norm(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    @Test func embedAnswersAListEvenForOneInput() async throws {
        let fixture = try APIFixture()
        let answer = await fixture.post("/embed", #"{"inputs": "abc def"}"#)
        #expect(answer.status == 200)
        let vectors = try #require(answer.json as? [[Double]])
        #expect(vectors.count == 1 && vectors[0].count == 64)
        #expect(abs(norm(vectors[0]) - 1) < 1e-6)
        #expect(answer.header("content-type") == "application/json")
        #expect(answer.header("x-compute-tokens") == "8")
        #expect(answer.header("x-input-tokens") == "8")
        #expect(answer.header("x-compute-characters") == "7")
        #expect(answer.header("x-truncated-inputs") == "0")
        #expect(answer.header("x-cache") == "miss")
        for name in [
            "x-request-id", "x-total-time", "x-tokenization-time", "x-queue-time",
            "x-inference-time",
        ] { #expect(answer.header(name) != nil, "\(name)") }
    }

    @Test func textsAndTheirTokensGiveTheSameBytes() async throws {
        let fixture = try APIFixture()
        let text = await fixture.post("/embed", #"{"inputs": ["ab"]}"#)
        let tokens = await fixture.post("/tokenize", #"{"inputs": "ab"}"#)
        let ids = try #require(tokens.json as? [[[String: Any]]])[0].map {
            $0["id"] as? Int ?? -1
        }
        let verbatim = await fixture.post("/embed", #"{"inputs": \#(ids)}"#)
        #expect(verbatim.status == 200)
        #expect(verbatim.bytes == text.bytes)
        let batch = await fixture.post("/embed", #"{"inputs": [\#(ids), \#(ids)]}"#)
        #expect(batch.array.count == 2)
    }

    @Test func normalizeAndDimensions() async throws {
        let fixture = try APIFixture()
        let raw = await fixture.post("/embed", #"{"inputs": "abc", "normalize": false}"#)
        let cut = await fixture.post("/embed", #"{"inputs": "abc", "dimensions": 8}"#)
        let whole = try #require(raw.json as? [[Double]])[0]
        let part = try #require(cut.json as? [[Double]])[0]
        #expect(part.count == 8 && abs(norm(part) - 1) < 1e-6)
        let scale = norm(Array(whole.prefix(8)))
        for (a, b) in zip(part, whole) { #expect(abs(a - b / scale) < 1e-6) }
        for bad in ["0", "65", "-1"] {
            let answer = await fixture.post(
                "/embed", #"{"inputs": "abc", "dimensions": \#(bad)}"#)
            #expect(answer.status == 422 && answer.errorType == "Validation")
        }
    }

    @Test func truncationIsToldOrRefused() async throws {
        let fixture = try APIFixture()
        let text = String(repeating: "a ", count: 300)
        let cut = await fixture.post("/embed", #"{"inputs": ["\#(text)", "a"]}"#)
        #expect(cut.status == 200)
        #expect(cut.header("x-truncated-inputs") == "1")
        #expect(cut.header("x-input-tokens") == "305")
        #expect(cut.header("x-compute-tokens") == "131")
        let refused = await fixture.post(
            "/embed", #"{"inputs": ["a", "\#(text)"], "truncate": false}"#)
        #expect(refused.status == 422)
        #expect((refused.object["error"] as? String)?.contains("inputs[1] has 302 tokens") == true)
        let strict = try APIFixture { $0.autoTruncate = false }
        #expect(await strict.post("/embed", #"{"inputs": "\#(text)"}"#).status == 422)
        let left = await fixture.post(
            "/embed", #"{"inputs": "b \#(text)", "truncation_direction": "Left"}"#)
        let right = await fixture.post("/embed", #"{"inputs": "b \#(text)"}"#)
        #expect(left.status == 200 && left.bytes != right.bytes)
    }

    @Test func predictTakesTextsPairsAndBatches() async throws {
        let fixture = try APIFixture()
        let single = await fixture.post("/predict", #"{"inputs": "abc"}"#)
        let scores = try #require(single.json as? [[String: Any]])
        #expect(
            Set(scores.compactMap { $0["label"] as? String })
                == ["entailment", "neutral", "contradiction"])
        let values = scores.compactMap { $0["score"] as? Double }
        #expect(values == values.sorted(by: >) && abs(values.reduce(0, +) - 1) < 1e-6)
        let pair = await fixture.post("/predict", #"{"inputs": ["abc", "def"]}"#)
        #expect((pair.json as? [[String: Any]])?.count == 3)
        let batch = await fixture.post(
            "/predict", #"{"inputs": [["abc"], ["abc", "def"]], "top_k": 1}"#)
        let lists = try #require(batch.json as? [[[String: Any]]])
        #expect(lists.map(\.count) == [1, 1])
        #expect(lists[0][0]["score"] as? Double == values[0])
        let raw = await fixture.post("/predict", #"{"inputs": "abc", "raw_scores": true}"#)
        let rawValues = try #require(raw.json as? [[String: Any]]).compactMap {
            $0["score"] as? Double
        }
        #expect(abs(rawValues.reduce(0, +) - 1) > 1e-3)
        let three = await fixture.post("/predict", #"{"inputs": [["a", "b", "c"]]}"#)
        #expect(three.status == 422)
    }

    @Test func aModelWithoutTheHeadSaysWhichItHas() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let answer = await fixture.post("/predict", #"{"inputs": "abc"}"#)
        #expect(answer.status == 424 && answer.errorType == "Backend")
        #expect((answer.object["error"] as? String)?.contains("maskedLM") == true)
        #expect(
            (answer.object["error"] as? String)?.hasSuffix(
                "--model serves one that has it, such as bigs-mini-section") == true)
        #expect(await fixture.post("/embed", #"{"inputs": "abc"}"#).status == 200)
    }

    @Test func openAIShapes() async throws {
        let fixture = try APIFixture()
        let name = try #require(fixture.loaded).name
        let answer = await fixture.post(
            "/v1/embeddings", #"{"input": ["abc", "de"], "model": "\#(name)"}"#)
        #expect(answer.status == 200)
        #expect(answer.object["object"] as? String == "list")
        #expect(answer.object["model"] as? String == name)
        let usage = try #require(answer.object["usage"] as? [String: Int])
        #expect(usage == ["prompt_tokens": 9, "total_tokens": 9])
        let data = try #require(answer.object["data"] as? [[String: Any]])
        #expect(data.map { $0["index"] as? Int } == [0, 1])
        let floats = try #require(data[0]["embedding"] as? [Double])

        let encoded = await fixture.post(
            "/v1/embeddings", #"{"input": "abc", "encoding_format": "base64"}"#)
        let first = try #require((encoded.object["data"] as? [[String: Any]])?.first)
        let text = try #require(first["embedding"] as? String)
        let bytes = try #require(Data(base64Encoded: text))
        #expect(bytes.count == 4 * 64)
        for (index, value) in floats.enumerated() {
            let bits = bytes[4 * index..<4 * index + 4].reversed().reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            #expect(Float(bitPattern: bits) == Float(value))
        }
    }

    @Test func openAIErrors() async throws {
        let fixture = try APIFixture()
        let missing = await fixture.post("/v1/embeddings", #"{"model": "x"}"#)
        #expect(missing.status == 422)
        let error = try #require(missing.object["error"] as? [String: Any])
        #expect(error["type"] as? String == "invalid_request_error")
        #expect(error["param"] as? String == "input")
        let model = await fixture.post("/v1/embeddings", #"{"input": "a", "model": "gpt"}"#)
        #expect(model.status == 404)
        let format = await fixture.post(
            "/v1/embeddings", #"{"input": "a", "encoding_format": "hex"}"#)
        #expect(format.status == 422)
        let many = Array(repeating: "\"a\"", count: 2_049).joined(separator: ",")
        #expect(await fixture.post("/v1/embeddings", #"{"input": [\#(many)]}"#).status == 422)
    }

    @Test func maxLengthPaddingIsTheModelsAndNotTheBatchs() async throws {
        let padded = try APIFixture()
        let bare = try APIFixture(options: LoadingOptions(padding: PaddingPolicy.none))
        let a = await padded.post("/predict", #"{"inputs": "abc"}"#)
        let b = await bare.post("/predict", #"{"inputs": "abc"}"#)
        #expect(a.status == 200 && b.status == 200 && a.bytes != b.bytes)
        #expect(padded.loaded?.padding == .maxLength)
        #expect(a.header("x-compute-tokens") == "5")
    }
}
