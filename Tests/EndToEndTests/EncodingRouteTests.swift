import Foundation
import TestSupport
import Testing

/// The encoding routes over a socket, with several models in one server.
@Suite(.serialized) struct EncodingRouteTests {
    private func directory(_ head: String) throws -> String {
        try SmallModel.directory(golden: "t1/\(head)/torch-safetensors", vocabularySize: 256).path
    }

    private func json(_ answer: RunningServer.Answer) throws -> Any {
        try JSONSerialization.jsonObject(with: answer.body, options: .fragmentsAllowed)
    }

    @Test func everyHeadInOneServer() async throws {
        let embedded = Fixtures.packageRoot.appending(path: "Models/bigs-mini").path
        let server = try await RunningServer([
            "--store", "none", "--model", embedded, "--model", "words=\(directory("MaskedLM"))",
            "--model", "names=\(directory("TokenClassification"))",
            "--model", "answers=\(directory("QuestionAnswering"))",
            "--model=classes=\(directory("SequenceClassification"))",
        ])
        let list = try json(await server.get("/v1/models")) as? [String: Any]
        #expect(
            (list?["data"] as? [[String: Any]])?.map { $0["id"] as? String }
                == ["bigs-mini", "words", "names", "answers", "classes"])

        let text = "Rivers carry silt. Cities grow where it settles.\\n\\nDéjà vu! 😀 Ships came."
        let chunks = try await server.post(
            "/chunk",
            """
            {"inputs": "\(text)", "granularity": ["sentence", "paragraph"], "return_text": true}
            """)
        let passages = try #require(try json(chunks) as? [[String: Any]])
        #expect(
            passages.map { $0["text"] as? String } == [
                "Rivers carry silt.", "Cities grow where it settles.", "Déjà vu!", "😀 Ships came.",
                "Rivers carry silt. Cities grow where it settles.", "Déjà vu! 😀 Ships came.",
            ])
        #expect(passages.allSatisfy { ($0["embedding"] as? [Double])?.count == 256 })

        let ranked = try await server.post(
            "/rerank",
            """
            {"query": "a town by the water", "documents": ["stock prices fell", \
            "the village lies on a lake"]}
            """)
        #expect(ranked.headers["x-scoring"] == "cosine")
        let results = (try json(ranked) as? [String: Any])?["results"] as? [[String: Any]]
        #expect(results?.first?["index"] as? Int == 1)

        for (path, body, key) in [
            ("/fill-mask", #"{"model": "words", "inputs": "ab [MASK]"}"#, "token_str"),
            (
                "/token_classification",
                #"{"model": "names", "inputs": "abc", "ignore_labels": []}"#,
                "entity"
            ),
            (
                "/answer", #"{"model": "answers", "question": "a", "context": "b c", "top_k": 2}"#,
                "answer"
            ),
            ("/predict", #"{"model": "classes", "inputs": "abc"}"#, "label"),
        ] {
            let answer = try await server.post(path, body)
            #expect(answer.status == 200, "\(path)")
            #expect(try #require(try json(answer) as? [[String: Any]])[0][key] is String, "\(path)")
        }
        #expect(
            try await server.post("/answer", #"{"question": "a", "context": "b"}"#).status == 424)
        #expect(try await server.post("/embed", #"{"inputs": "a", "model": "x"}"#).status == 404)
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func statesOfALongTextAreStreamed() async throws {
        let server = try await RunningServer(["--store", "none"])
        let text = String(repeating: "a state space model reads. ", count: 300)
        let answer = try await server.post(
            "/embed_all",
            String(
                decoding: JSONSerialization.data(withJSONObject: ["inputs": [text, "short"]]),
                as: UTF8.self))
        #expect(answer.status == 200 && answer.headers["x-truncated-inputs"] == "0")
        let states = try #require(try json(answer) as? [[[Double]]])
        #expect(states.map(\.count) == [1_802, 3])
        #expect(states.allSatisfy { $0.allSatisfy { $0.count == 256 } })
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func twoModelsOfOneNameAreRefused() throws {
        let result = try Program.run(["serve", "--model", "a=/x", "--model", "a=/y", "--port", "0"])
        #expect(result.status != 0)
        #expect(result.errors.contains("two models are called a"))
        let one = try Program.run(["embed", "--model", "a=/x", "--model", "b=/y", "/dev/null"])
        #expect(one.status != 0 && one.errors.contains("only serve takes several"))
    }
}
