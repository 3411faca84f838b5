import Foundation
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

/// Forms that other servers' clients send, beside those of the routes' own.
@Suite struct ClientFormTests {
    /// Cohere's and NVIDIA's words for the end that is cut.
    @Test func wordsForTruncation() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let long = (0..<200).map { ["ab", "c", "def"][$0 % 3] }.joined(separator: " ")
        for (word, plain) in [
            ("END", #""truncation_direction":"right""#),
            ("START", #""truncation_direction":"left""#),
        ] {
            let named = await fixture.post(
                "/v1/embeddings", #"{"input":"\#(long)","truncate":"\#(word)"}"#)
            let direct = await fixture.post("/v1/embeddings", #"{"input":"\#(long)",\#(plain)}"#)
            #expect(named.status == 200 && named.bytes == direct.bytes, "\(word)")
        }
        let none = await fixture.post("/embed", #"{"inputs":"\#(long)","truncate":"NONE"}"#)
        #expect(none.status == 422 && (none.object["error"] as? String)?.contains("tokens") == true)
        let other = await fixture.post("/embed", #"{"inputs":"a","truncate":"MIDDLE"}"#)
        #expect(
            (other.object["error"] as? String)?.hasPrefix("truncate: expected \"NONE\"") == true)
        let number = await fixture.post("/embed", #"{"inputs":"a","truncate":1}"#)
        #expect((number.object["error"] as? String) == "truncate: expected true or false")
    }

    /// Jina's `embedding_type` for OpenAI's `encoding_format`.
    @Test func base64AsAnEmbeddingType() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let format = await fixture.post(
            "/v1/embeddings", #"{"input":"ab","encoding_format":"base64"}"#)
        let type = await fixture.post(
            "/v1/embeddings", #"{"input":"ab","embedding_type":"base64"}"#)
        #expect(type.status == 200 && type.bytes == format.bytes)
        for (path, body) in [
            ("/embed", #"{"inputs":"ab","embedding_type":"base64"}"#),
            ("/embed", #"{"inputs":"ab","embedding_types":["float","base64"]}"#),
            ("/embed_all", #"{"inputs":"ab","embedding_type":"base64"}"#),
        ] {
            let refused = await fixture.post(path, body)
            #expect(refused.status == 422, "\(path)")
            #expect((refused.object["error"] as? String)?.hasPrefix("embedding_type") == true)
        }
    }

    /// text-embeddings-inference tells rerankers and classifiers apart by how many classes they have.
    @Test func aCrossEncoderIsAReranker() async throws {
        let fixture = try APIFixture(
            golden: "t1/MultipleChoice/torch-safetensors", edit: .crossEncoder)
        defer { fixture.executor?.stop() }
        let info = await fixture.send(.get, "/info").object
        let type = try #require(info["model_type"] as? [String: [String: Any]])
        #expect(Array(type.keys) == ["reranker"])
        #expect(info["served_model_name"] as? String == fixture.loaded?.name)
        // It reads pairs, of which one side may be empty.
        let ranked = await fixture.post("/rerank", #"{"query":"abc","texts":["xyz",""]}"#)
        let pairs = await fixture.post("/predict", #"{"inputs":[["abc","xyz"],["abc",""]]}"#)
        let scores = try #require(pairs.json as? [[[String: Any]]]).map {
            $0[0]["score"] as? Double
        }
        let entries = try #require(ranked.json as? [[String: Any]])
        #expect(entries.count == 2)
        for entry in entries {
            let index = try #require(entry["index"] as? Int)
            #expect(entry["score"] as? Double == scores[index])
        }
        let empty = await fixture.post("/rerank", #"{"query":"","texts":["xyz",""]}"#)
        #expect((empty.object["error"] as? String)?.hasPrefix("texts[1]") == true)
        // SageMaker knows one path alone.
        for path in ["/", "/invocations"] {
            let root = await fixture.post(path, #"{"query":"abc","texts":["xyz",""]}"#)
            #expect(root.status == 200 && root.bytes == ranked.bytes)
        }
    }

    /// Cohere's documents keep their fields, and may be ranked by others than `text`.
    @Test func documentsWithFields() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        defer { fixture.executor?.stop() }
        let documents = #"[{"text":"abc","my_title":"x","n":1.50,"deep":{"a":[]}},"xyz"]"#
        let answer = await fixture.post(
            "/v2/rerank",
            #"{"query":"abc","documents":\#(documents),"return_documents":true,"top_n":2}"#)
        let text = String(decoding: answer.bytes, as: UTF8.self)
        #expect(
            text.contains(
                #""document":{"text":"abc","my_title":"x","n":1.50,"deep":{"a":[]}}"#))
        #expect(text.contains(#""document":{"text":"xyz"}"#))
        func score(_ body: String) async throws -> Double {
            let answer = await fixture.post("/v2/rerank", body)
            let results = try #require(answer.object["results"] as? [[String: Any]], "\(body)")
            return try #require(results[0]["relevance_score"] as? Double)
        }
        let document = #"{"my_title":"x","abstract":"abc"}"#
        #expect(
            try await score(
                """
                {"query":"a","documents":[\(document)],
                "rank_fields":["my_title","none","abstract"]}
                """)
                == score(#"{"query":"a","documents":["x\nabc"]}"#))
        for (fields, error) in [
            (#"["other_one"]"#, "documents[0].other_one: is missing"),
            (#"["Title"]"#, "documents[0].Title: is missing"),
            ("[]", "rank_fields: cannot be empty"),
        ] {
            let refused = await fixture.post(
                "/rerank", #"{"query":"a","documents":[\#(document)],"rank_fields":\#(fields)}"#)
            #expect(refused.status == 422 && refused.object["error"] as? String == error)
        }
    }

    /// `POST /` answers what the model's head is for.
    @Test(arguments: [
        ("TokenClassification", "/token_classification", #"{"inputs":"abc de"}"#),
        (
            "TokenClassification", "/token_classification",
            #"{"inputs":["abc de"],"parameters":{"aggregation_strategy":"simple"}}"#
        ),
        (
            "QuestionAnswering", "/answer",
            #"{"inputs":{"question":"a b","context":"ab c def"},"parameters":{"top_k":2}}"#
        ),
        ("QuestionAnswering", "/answer", #"{"question":"a b","context":"ab c def"}"#),
    ])
    func theRootAnswersForItsHead(head: String, path: String, body: String) async throws {
        let fixture = try APIFixture(golden: "t1/\(head)/torch-safetensors")
        defer { fixture.executor?.stop() }
        let direct = await fixture.post(path, body)
        let root = await fixture.post("/", body)
        #expect(direct.status == 200 && root.status == 200)
        #expect(root.bytes == direct.bytes)
    }

    @Test func probesOfOtherServers() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        #expect(await fixture.send(.get, "/ping").status == 200)
        // Infinity's clients want to know how busy each model is.
        let models = await fixture.send(.get, "/models")
        var entries = try #require(models.object["data"] as? [[String: Any]])
        #expect(entries.removeFirst()["stats"] is [String: Any])
        let wrong = await fixture.post("/embeddings", #"{"input":""}"#)
        #expect((wrong.object["error"] as? [String: Any])?["param"] as? String == "input")
        fixture.readiness.startDraining()
        #expect(await fixture.send(.get, "/ping").status == 503)
        #expect(await fixture.send(.get, "/health").status == 200)
    }

    /// A document's own fields are what it says of itself: what it does not have, as `parameters` or a
    /// field of the user's beside the metadata, would be lost in silence.
    @Test func documentsHaveNoOtherFields() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for (path, list) in [("/documents", false), ("/documents", true), ("/documents/a", false)] {
            for field in ["parameters", "meta_data", "title", "keepStates"] {
                let body = #"{"text":"ab","\#(field)":{}}"#
                let answer = await fixture.send(
                    path == "/documents" ? .post : .put, path,
                    Array((list ? "[\(body)]" : body).utf8), contentType: "application/json")
                #expect(answer.status == 422)
                let place = list ? "documents[0].\(field)" : field
                let message = answer.object["error"] as? String ?? ""
                #expect(message.hasPrefix("\(place): is not a field of a document"), "\(message)")
            }
        }
        let put = await fixture.send(
            .put, "/documents/a",
            Array(#"{"text":"ab cd","chunk":"tokens","metadata":{"title":1}}"#.utf8),
            contentType: "application/json")
        #expect(put.status == 201)
        // What was got can be put, and an export imported; but nobody's own vectors.
        let got = await fixture.send(.get, "/documents/a")
        let again = await fixture.send(
            .put, "/documents/a", got.bytes, contentType: "application/json")
        #expect(got.status == 200 && again.status == 200)
        let export = await fixture.stream(.get, "/documents/export")
        let imported = await fixture.stream(
            .post, "/documents/import", export.bytes, contentType: "application/x-ndjson")
        #expect(try imported.lines().last?["errors"] as? Int == 0)
        let null = await fixture.post("/documents", #"{"text":"ab","embedding":null}"#)
        #expect(null.status == 201)
        for (field, path) in [("embedding", "/documents/a"), ("passages", "/documents")] {
            let body = #"{"text":"ab","\#(field)":[1,2]}"#
            let answer = await fixture.send(
                path == "/documents" ? .post : .put, path, Array(body.utf8),
                contentType: "application/json")
            let message = answer.object["error"] as? String ?? ""
            #expect(answer.status == 422 && message.hasPrefix("\(field): is the model's to make"))
        }
        for (path, body) in [
            ("/embed", #""inputs":"a""#), ("/v1/embeddings", #""input":"a""#),
            ("/embed", #""inputs":"a","parameters":{"pooling":"cls"}"#),
        ] {
            let pooling = body.contains("pooling") ? "" : #","pooling":"cls""#
            let answer = await fixture.post(path, "{\(body)\(pooling)}")
            #expect(answer.status == 422, "\(path) \(body)")
            if pooling.isEmpty { continue }
            let own = await fixture.post(path, #"{\#(body),"pooling":"mean"}"#)
            #expect(own.status == 200)
        }
        let long = String(repeating: "a ", count: 300)
        let refused = await fixture.post("/documents", #"{"text":"\#(long)","truncate":"NONE"}"#)
        #expect(refused.status == 422)
    }

    /// A hub's name with its owner is the model's, and so is the name alone.
    @Test func ownersMayBeLeftOut() async throws {
        let fixture = try APIFixture(
            keeps: true, others: [("acme/second", "t1/MaskedLM/torch-safetensors")])
        defer { fixture.executor?.stop() }
        for (name, status) in [
            ("acme/second", 200), ("second", 200), ("acme", 404), ("other/second", 404),
        ] {
            let answer = await fixture.post("/v1/embeddings", #"{"input":"a","model":"\#(name)"}"#)
            #expect(answer.status == status, "\(name)")
            if status == 200 { #expect(answer.object["model"] as? String == "acme/second") }
        }
        let list = await fixture.post(
            "/documents",
            #"[{"text":"a","model":"second"},{"text":"b","model":"acme/second"}]"#)
        #expect(list.status == 201)
        let lines = #"{"text":"c","model":"second"}"# + "\n" + #"{"text":"d","model":"acme"}"#
        let imported = try await fixture.stream(
            .post, "/documents/import?model=acme/second", Array(lines.utf8),
            contentType: "application/x-ndjson"
        ).lines()
        #expect(imported.map { $0["status"] as? String } == ["stored", "error", "done"])
        for id in ["acme%2Fsecond", "acme/second", "second"] {
            let model = await fixture.send(.get, "/v1/models/\(id)")
            #expect(model.object["id"] as? String == "acme/second", "\(id)")
        }
    }
}
