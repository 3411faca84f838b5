import BiGSModel
import Foundation
import HTTPAPI
import HTTPTypes
import Serving
import Testing

@Suite struct EncodingOptionTests {
    private let unpadded = LoadingOptions(padding: PaddingPolicy.none)

    @Test func everyFormOfAVector() async throws {
        let fixture = try APIFixture(options: unpadded)
        let all = await fixture.post(
            "/embed",
            """
            {"inputs": ["abc", "d"],
            "embedding_types": ["float", "int8", "uint8", "binary", "ubinary"]}
            """)
        #expect(all.status == 200)
        let forms = try #require(all.object["embeddings"] as? [String: [[Double]]])
        #expect(Set(forms.keys) == ["float", "int8", "uint8", "binary", "ubinary"])
        let floats = try #require(forms["float"])[0]
        let largest = try #require(floats.map(abs).max())
        for (index, value) in floats.enumerated() {
            let scaled = (value * 127 / largest).rounded()
            #expect(abs((forms["int8"]?[0][index] ?? .nan) - scaled) <= 1)
            #expect(forms["uint8"]?[0][index] == (forms["int8"]?[0][index] ?? .nan) + 128)
            let byte = Int(forms["ubinary"]?[0][index / 8] ?? -1)
            #expect((byte >> (7 - index % 8) & 1 == 1) == (value > 0))
        }
        #expect(forms["binary"]?[0].map { $0 + 128 } == forms["ubinary"]?[0])
        for type in ["int8", "uint8", "binary", "ubinary"] {
            let one = await fixture.post(
                "/embed", #"{"inputs": ["abc", "d"], "embedding_type": "\#(type)"}"#)
            #expect(one.json as? [[Double]] == forms[type], "\(type)")
            let openAI = await fixture.post(
                "/v1/embeddings", #"{"input": ["abc", "d"], "embedding_type": "\#(type)"}"#)
            let data = try #require(openAI.object["data"] as? [[String: Any]])
            #expect(data.compactMap { $0["embedding"] as? [Double] } == forms[type], "\(type)")
        }
        for body in [
            #"{"inputs": "a", "embedding_types": []}"#,
            #"{"inputs": "a", "embedding_types": ["half"]}"#,
            #"{"inputs": "a", "embedding_type": "half"}"#,
        ] { #expect(await fixture.post("/embed", body).status == 422) }
        let mixed = await fixture.post(
            "/v1/embeddings",
            #"{"input": "a", "embedding_type": "int8", "encoding_format": "base64"}"#)
        #expect(mixed.status == 422)
    }

    @Test func theOtherPathOfOpenAIsRoute() async throws {
        let fixture = try APIFixture()
        let body = #"{"input": [[2, 7, 3], [2, 3]], "dimensions": 5}"#
        let a = await fixture.post("/v1/embeddings", body)
        let b = await fixture.post("/embeddings", body)
        #expect(a.status == 200 && a.bytes == b.bytes)
        let data = try #require(a.object["data"] as? [[String: Any]])
        #expect(data.map { ($0["embedding"] as? [Double])?.count } == [5, 5])
        #expect(data.map { $0["tokens"] as? Int } == [3, 2])
    }

    @Test func howMuchOfEachInputWasUsed() async throws {
        let fixture = try APIFixture()
        let long = String(repeating: "a ", count: 300)
        let answer = await fixture.post("/v1/embeddings", #"{"input": ["a", "\#(long)"]}"#)
        let data = try #require(answer.object["data"] as? [[String: Any]])
        #expect(data.map { $0["tokens"] as? Int } == [3, 302])
        #expect(data.map { $0["tokens_used"] as? Int } == [3, 128])
        #expect(answer.header("x-truncated-inputs") == "1")
        for (path, body) in [
            ("/embed", #"{"inputs": "\#(long)"}"#), ("/predict", #"{"inputs": "\#(long)"}"#),
            ("/classify", #"{"input": "\#(long)"}"#), ("/embed_all", #"{"inputs": "\#(long)"}"#),
            ("/chunk", #"{"inputs": "\#(long)"}"#),
            ("/rerank", #"{"query": "a", "texts": ["\#(long)"]}"#),
            ("/similarity", #"{"inputs": {"source_sentence": "a", "sentences": ["\#(long)"]}}"#),
        ] {
            let cut = await fixture.post(path, body)
            #expect(cut.status == 200 && cut.header("x-truncated-inputs") == "1", "\(path)")
            let refused = await fixture.post(path, "{\"truncate\": false, \(body.dropFirst())")
            #expect(refused.status == 422, "\(path)")
            #expect((refused.object["error"] as? String)?.contains("302 tokens") == true)
        }
    }

    @Test func longTextsInWindows() async throws {
        let fixture = try APIFixture(options: unpadded)
        let long = String(repeating: "ab c. ", count: 60)
        for (path, body) in [
            ("/embed", #"{"inputs": "\#(long)", "long": "windows"}"#),
            ("/v1/embeddings", #"{"input": "\#(long)", "long": "windows"}"#),
            ("/predict", #"{"inputs": "\#(long)", "long": "windows"}"#),
            ("/classify", #"{"input": "\#(long)", "long": "windows", "truncate": false}"#),
            ("/embed_all", #"{"inputs": "\#(long)", "parameters": {"long": "windows"}}"#),
        ] {
            let answer = await fixture.post(path, body)
            #expect(answer.status == 200, "\(path)")
            #expect(answer.header("x-truncated-inputs") == "0", "\(path)")
            #expect(answer.header("x-input-tokens") == "242", "\(path)")
        }
        let pair = await fixture.post(
            "/predict", #"{"inputs": ["\#(long)", "b"], "long": "windows"}"#)
        #expect(pair.status == 422)
    }

    @Test func promptsByName() async throws {
        let fixture = try APIFixture(
            options: unpadded,
            edit: .prompts(
                #"{"prompts": {"q": "find ", "d": "text "}, "default_prompt_name": "d"}"#))
        let named = await fixture.post("/embed", #"{"inputs": "abc", "prompt_name": "q"}"#)
        let standard = await fixture.post("/embed", #"{"inputs": "abc"}"#)
        #expect(named.status == 200 && named.header("x-input-tokens") == "9")
        #expect(standard.header("x-input-tokens") == "9" && named.bytes != standard.bytes)
        let openAI = await fixture.post("/v1/embeddings", #"{"input": "abc", "prompt_name": "q"}"#)
        let data = try #require(openAI.object["data"] as? [[String: Any]])
        #expect(data[0]["embedding"] as? [Double] == (named.json as? [[Double]])?[0])
        let unknown = await fixture.post("/embed", #"{"inputs": "abc", "prompt_name": "x"}"#)
        #expect(unknown.status == 422)
        #expect((unknown.object["error"] as? String)?.contains("d, q") == true)
        let tokens = await fixture.post("/embed", #"{"inputs": [2, 3], "prompt_name": "q"}"#)
        #expect(tokens.status == 422)
        #expect(
            await fixture.post("/embed", #"{"inputs": [2, 3]}"#).header("x-input-tokens") == "2")
        let tokenized = await fixture.post("/tokenize", #"{"inputs": "abc", "prompt_name": "q"}"#)
        #expect(try #require(tokenized.json as? [[Any]])[0].count == 9)
        let info = await fixture.send(.get, "/info").object
        let models = try #require(info["models"] as? [[String: Any]])
        #expect(models[0]["prompts"] as? [String] == ["d", "q"])
        #expect(models[0]["default_prompt_name"] as? String == "d")
    }

    @Test func aModelOfSeveralIsChosenByName() async throws {
        let fixture = try APIFixture(
            options: unpadded,
            others: [
                ("words", "t1/MaskedLM/torch-safetensors"),
                ("answers", "t1/QuestionAnswering/torch-safetensors"),
            ])
        let standard = try #require(fixture.loaded)
        let list = await fixture.send(.get, "/v1/models").object
        #expect(
            (list["data"] as? [[String: Any]])?.map { $0["id"] as? String }
                == [standard.name, "words", "answers"])
        #expect(await fixture.send(.get, "/v1/models/words").object["id"] as? String == "words")
        #expect(await fixture.send(.get, "/v1/models/nobody").status == 404)
        let info = await fixture.send(.get, "/info").object
        let models = try #require(info["models"] as? [[String: Any]])
        #expect(Set(models.compactMap { $0["fingerprint"] as? String }).count == 3)
        #expect(models[1]["heads"] as? [String] == ["none", "maskedLM"])

        let first = await fixture.post("/embed", #"{"inputs": "abc"}"#)
        let named = await fixture.post(
            "/embed", #"{"inputs": "abc", "model": "\#(standard.name)"}"#)
        #expect(first.bytes == named.bytes)
        let filled = await fixture.post(
            "/fill-mask", #"{"inputs": "[MASK]", "model": "words"}"#)
        #expect(filled.status == 200)
        let head = await fixture.post("/fill-mask", #"{"inputs": "[MASK]"}"#)
        #expect(head.status == 424)
        #expect(
            (head.object["error"] as? String)?.hasSuffix(
                #""model" chooses one that has it: "words""#) == true)
        let openAI = await fixture.post("/v1/embeddings", #"{"input": "a", "model": "answers"}"#)
        #expect(openAI.object["model"] as? String == "answers")
        for (path, body) in [
            ("/embed", #""inputs": "a""#), ("/embed_all", #""inputs": "a""#),
            ("/v1/embeddings", #""input": "a""#), ("/predict", #""inputs": "a""#),
            ("/classify", #""input": "a""#), ("/rerank", #""query": "a", "texts": ["b"]"#),
            ("/similarity", #""inputs": {"source_sentence": "a", "sentences": ["b"]}"#),
            ("/fill-mask", #""inputs": "a""#), ("/answer", #""question": "a", "context": "b""#),
            ("/token_classification", #""inputs": "a""#), ("/chunk", #""inputs": "a""#),
            ("/tokenize", #""inputs": "a""#), ("/decode", #""ids": [1]"#),
        ] {
            let answer = await fixture.post(path, "{\(body), \"model\": \"nobody\"}")
            #expect(answer.status == 404, "\(path)")
            #expect(String(decoding: answer.bytes, as: UTF8.self).contains("words"), "\(path)")
        }
    }
}
