import DocumentStore
import Foundation
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

/// A request chooses its model in its body or in its query, on every route.
@Suite struct ModelChoiceTests {
    private func fixture() throws -> APIFixture {
        try APIFixture(
            keeps: true, others: [("second", "t1/MaskedLM/torch-safetensors")])
    }

    private static let bodies: [(path: String, body: String)] = [
        ("/embed", #""inputs":"ab""#),
        ("/embed_all", #""inputs":"ab""#),
        ("/v1/embeddings", #""input":"ab""#),
        ("/predict", #""inputs":"ab""#),
        ("/classify", #""input":"ab","candidate_labels":["x"]"#),
        ("/rerank", #""query":"a","texts":["b"]"#),
        ("/similarity", #""inputs":{"source_sentence":"a","sentences":["b"]}"#),
        ("/fill-mask", #""inputs":"a [MASK]""#),
        ("/chunk", #""inputs":"ab""#),
        ("/tokenize", #""inputs":"ab""#),
        ("/decode", #""ids":[5]"#),
        ("/", #""inputs":"ab""#),
        ("/documents", #""text":"ab""#),
        ("/documents/search", #""query":"ab""#),
        ("/documents/delete", #""ids":["none"]"#),
        ("/documents/a/chunk", #""granularity":"document""#),
        ("/documents/a/predict", #""top_k":1"#),
    ]

    @Test func namesThatAreNoModelsAreRefusedInBodyAndQuery() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let first = try #require(fixture.loaded?.name)
        for (path, body) in Self.bodies {
            let inBody = await fixture.post(path, #"{\#(body),"model":"nope"}"#)
            #expect(inBody.status == 404, "\(path)")
            let inQuery = await fixture.post("\(path)?model=nope", "{\(body)}")
            #expect(inQuery.status == 404, "\(path)?model")
            for answer in [inBody, inQuery] {
                #expect(String(decoding: answer.bytes, as: UTF8.self).contains("no model"))
            }
            let both = await fixture.post(
                "\(path)?model=\(first)", #"{\#(body),"model":"second"}"#)
            #expect(both.status == 422, "\(path) with two models")
        }
        for path in ["/documents", "/documents/a", "/documents/export", "/store"] {
            #expect(await fixture.send(.get, "\(path)?model=nope").status == 404, "\(path)")
        }
        let put = await fixture.send(
            .put, "/documents/y", Array(#"{"text":"hi","model":"nope"}"#.utf8),
            contentType: "application/json")
        #expect(put.status == 404)
    }

    /// As single documents are, whatever another model made of them since.
    @Test func listsHaveTheEncodingsOfTheirModel() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let store = try #require(fixture.store)
        #expect(await fixture.post("/documents", #"{"id":"a","text":"ab"}"#).status == 201)
        let newer = [UInt8](repeating: 7, count: 32)
        let lacking = try await store.documentsLacking(model: newer, limit: 1)
        let encoding = DocumentEncoding(tokens: 4, tokensUsed: 4, vector: [1, 2])
        _ = try await store.add(
            lacking.map { Reencoded(document: $0, options: $0.options, encoding: encoding) },
            model: newer)
        let page = await fixture.send(.get, "/documents?include=embedding").object
        let listed = try #require((page["documents"] as? [[String: Any]])?.first)
        let alone = await fixture.send(.get, "/documents/a?embedding=true").object
        #expect(listed["model"] as? String == fixture.loaded?.fingerprintText)
        #expect(listed["embedding"] as? [Double] == alone["embedding"] as? [Double])
    }

    @Test func documentsAreEncodedAndSearchedByTheModelOfTheBody() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let put = await fixture.send(
            .put, "/documents/y", Array(#"{"text":"hi","model":"second"}"#.utf8),
            contentType: "application/json")
        #expect(put.status == 201)
        let ours = try #require(fixture.loaded?.fingerprintText)
        let kept = await fixture.send(.get, "/documents/y").object["model"] as? String
        #expect(kept != nil && kept != ours)
        let found = await fixture.post(
            "/documents/search", #"{"query":"hi","model":"second"}"#
        ).object
        #expect(found["model"] as? String == kept)
        #expect((found["results"] as? [Any])?.count == 1)
        #expect(found["warning"] == nil)
        // The other model finds nothing by meaning, and says why; words need no model.
        let other = await fixture.post("/documents/search", #"{"query":"hi"}"#).object
        #expect((other["results"] as? [Any])?.isEmpty == true)
        #expect((other["warning"] as? String)?.hasPrefix("all documents have") == true)
        let words = await fixture.post(
            "/documents/search", #"{"query":"none","mode":"text"}"#
        ).object
        #expect((words["results"] as? [Any])?.isEmpty == true && words["warning"] == nil)
        // What answers call a model by chooses it, too.
        let again = await fixture.post(
            "/documents/search", #"{"query":"hi","model":"\#(kept ?? "")"}"#
        ).object
        #expect((again["results"] as? [Any])?.count == 1)
    }

    @Test func aListOfDocumentsHasOneModel() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let mixed = await fixture.post(
            "/documents", #"[{"text":"a"},{"text":"b","model":"second"}]"#)
        #expect(mixed.status == 422)
        #expect(String(decoding: mixed.bytes, as: UTF8.self).contains("documents[1].model"))
        let one = await fixture.post(
            "/documents?model=second", #"[{"text":"a"},{"text":"b","model":"second"}]"#)
        #expect(one.status == 201)
    }

    @Test func linesOfAnImportAskForNoOtherModel() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let exported = String(repeating: "0a", count: 32)
        let lines = """
            {"id":"1","text":"a","model":"second"}
            {"id":"2","text":"a","model":"\(exported)"}
            {"id":"3","text":"a","model":"nope"}
            """
        let answer = try await fixture.stream(
            .post, "/documents/import?model=second", Array(lines.utf8),
            contentType: "application/x-ndjson"
        ).lines()
        #expect(answer.map { $0["status"] as? String } == ["stored", "stored", "error", "done"])
        #expect((answer[2]["error"] as? String)?.hasPrefix("model: ") == true)
    }

    @Test func theModelAndTheHeadAreDescribedAsParameters() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let document = await fixture.send(.get, "/openapi.json").object
        let check = SchemaCheck(document: document)
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        for route in Route.all {
            let operation = OpenAPIDocument.operations[OpenAPIDocument.name(of: route)]
            let described = paths[route.pattern.description]?[route.method.rawValue.lowercased()]
            let parameters = described?["parameters"] as? [[String: Any]] ?? []
            let names = parameters.map(check.resolved).compactMap { $0["name"] as? String }
            #expect(names.contains("model") == (operation?.tag != .service), "\(route.pattern)")
            if route.pattern.description == "/predict" { #expect(names.contains("head")) }
        }
    }
}
