import BiGSModel
import Foundation
import HTTPServer
import HTTPTypes
import Serving
import Synchronization
import Testing

@testable import HTTPAPI

/// Holds what routes answer and read against what `/openapi.json` says of them, field by field.
@Suite struct DescribedFieldTests {
    private enum Model: String, CaseIterable {
        case classifier = "SequenceClassification"
        case maskedLM = "MaskedLM"
        case answerer = "QuestionAnswering"
        case tagger = "TokenClassification"
    }

    /// A request that goes well, with whatever can be asked for.
    private struct Example {
        let route: String
        var path: String?
        var model = Model.classifier
        var body = ""
    }

    private static let lines = #"{"id":"c","text":"abc. Def","chunk":"line"}"# + "\n{}\n"

    private static let examples: [Example] = [
        Example(route: "POST /embed", body: #"{"inputs":["ab","c"]}"#),
        Example(
            route: "POST /embed", body: #"{"inputs":"ab","embedding_types":["int8","float"]}"#),
        Example(route: "POST /embed_all", body: #"{"inputs":"ab"}"#),
        Example(route: "POST /v1/embeddings", body: #"{"input":["ab","c"]}"#),
        Example(route: "POST /embeddings", body: #"{"input":"ab","encoding_format":"base64"}"#),
        Example(route: "POST /predict", body: #"{"inputs":"ab"}"#),
        Example(route: "POST /predict", body: #"{"inputs":[["ab"],["a","b"]],"top_k":1}"#),
        Example(route: "POST /predict", body: #"{"inputs":"ab","evidence":true}"#),
        Example(route: "POST /classify", body: #"{"input":["ab","c"]}"#),
        Example(
            route: "POST /classify", body: #"{"inputs":"ab","candidate_labels":["x","y"]}"#),
        Example(route: "POST /rerank", body: #"{"query":"a","texts":["ab"],"return_text":true}"#),
        Example(
            route: "POST /v1/rerank",
            body: #"{"query":"a","documents":["ab"],"return_documents":true}"#),
        Example(route: "POST /v2/rerank", body: #"{"query":"a","documents":[{"text":"ab"}]}"#),
        Example(
            route: "POST /similarity",
            body: #"{"inputs":{"source_sentence":"a","sentences":["b"]}}"#),
        Example(
            route: "POST /fill-mask", model: .maskedLM,
            body: #"{"inputs":["a [MASK]","[MASK] b [MASK]"],"targets":["x","y"]}"#),
        Example(route: "POST /fill-mask", model: .maskedLM, body: #"{"inputs":"a [MASK]"}"#),
        Example(
            route: "POST /answer", model: .answerer, body: #"{"question":"a","context":"b c"}"#),
        Example(
            route: "POST /answer", model: .answerer,
            body: #"{"inputs":{"question":"a","context":"b c"},"top_k":2}"#),
        Example(
            route: "POST /token_classification", model: .tagger,
            body: #"{"inputs":["ab c"],"ignore_labels":[]}"#),
        Example(
            route: "POST /token_classification", model: .tagger,
            body: #"{"inputs":"ab c","ignore_labels":[],"aggregation_strategy":"simple"}"#),
        Example(
            route: "POST /chunk",
            body: #"{"inputs":["ab","c"],"return_text":true,"spans":[[[0,1]],[[0,1]]]}"#),
        Example(
            route: "POST /chunk",
            body: #"{"inputs":"ab c","granularity":["document","tokens","line"],"size":2}"#),
        Example(route: "POST /tokenize", body: #"{"inputs":"ab c"}"#),
        Example(route: "POST /decode", body: #"{"ids":[5,6]}"#),
        Example(route: "POST /", body: #"{"inputs":"ab"}"#),
        Example(route: "POST /invocations", body: #"{"inputs":"ab"}"#),
        Example(
            route: "POST /",
            body: #"{"query":"a","documents":[{"text":"ab"}],"return_documents":true}"#),
        Example(
            route: "PUT /documents/{id}", path: "/documents/a",
            body: #"{"text":"ab. Cd","chunk":["sentence","document"],"keep_states":"int8"}"#),
        Example(route: "POST /documents", body: #"{"text":"ab"}"#),
        Example(
            route: "POST /documents",
            body: #"[{"id":"b","text":"ab","metadata":{"n":1},"long":"windows"}]"#),
        Example(route: "POST /documents/import", body: lines),
        Example(
            route: "GET /documents/{id}", path: "/documents/a?embedding=true&passages=true"),
        Example(route: "GET /documents", path: "/documents?limit=2"),
        Example(
            route: "GET /documents", path: "/documents?include=text,metadata,embedding,passages"),
        Example(
            route: "POST /documents/search",
            body: """
                {"query":"ab","mode":"hybrid","explain":true,
                "include":["text","metadata","embedding","passages"]}
                """),
        Example(route: "POST /documents/search", body: #"{"like":"a","passages":"sentence"}"#),
        Example(
            route: "POST /documents/search",
            body: "{\"embedding\":[1\(String(repeating: ",0", count: 63))],\"passages\":true}"),
        Example(
            route: "POST /documents/{id}/chunk", path: "/documents/a/chunk",
            body: #"{"granularity":["document","spans"],"spans":[[0,1],[3,4]],"pooling":"max"}"#),
        Example(
            route: "POST /documents/{id}/predict", path: "/documents/a/predict",
            body: #"{"top_k":2}"#),
        Example(route: "GET /documents/export"),
        Example(route: "POST /documents/delete", body: #"{"ids":["b"]}"#),
        Example(route: "DELETE /documents/{id}", path: "/documents/a"),
        Example(route: "GET /store"), Example(route: "POST /store/compact"),
        Example(route: "GET /info"), Example(route: "GET /openapi.json"),
        Example(route: "GET /v1/models"), Example(route: "GET /models"),
        Example(route: "GET /v1/models/{id}", path: "/v1/models/x"),
        Example(route: "GET /v1/models/{owner}/{name}", path: "/v1/models/acme/owned"),
    ]

    private func send(_ fixture: APIFixture, _ example: Example, _ body: String? = nil) async throws
        -> APIFixture.Answer
    {
        let route = try #require(
            Route.all.first { OpenAPIDocument.name(of: $0) == example.route })
        var path = example.path ?? route.pattern.description
        if let name = fixture.loaded?.name {
            path = path.replacing("models/x", with: "models/\(name)")
        }
        return await fixture.stream(
            route.method, path, Array((body ?? example.body).utf8),
            contentType: route.input == .nothing ? nil : route.input.rawValue)
    }

    /// The schema at a place of the description.
    private func operation(
        _ route: String, in document: [String: Any]
    ) throws -> [String: Any] {
        let parts = route.split(separator: " ").map(String.init)
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        return try #require(paths[parts[1]]?[parts[0].lowercased()])
    }

    private func fixtures() throws -> [Model: APIFixture] {
        var fixtures: [Model: APIFixture] = [:]
        for model in Model.allCases {
            fixtures[model] = try APIFixture(
                golden: "t1/\(model.rawValue)/torch-safetensors", keeps: true,
                others: [("acme/owned", "t1/MaskedLM/torch-safetensors")])
        }
        return fixtures
    }

    @Test func everyFieldThatIsAnsweredIsDescribed() async throws {
        let fixtures = try fixtures()
        defer { for fixture in fixtures.values { fixture.executor?.stop() } }
        var seen: Set<String> = []
        for example in Self.examples {
            let fixture = try #require(fixtures[example.model])
            let document = await fixture.send(.get, "/openapi.json").object
            let check = SchemaCheck(document: document)
            let answer = try await send(fixture, example)
            #expect((200..<300).contains(answer.status), "\(example.route): \(answer.object)")
            let operation = try operation(example.route, in: document)
            let answers = try #require(operation["responses"] as? [String: [String: Any]])
            let described = try #require(
                answers[String(answer.status)], "\(example.route) \(answer.status)")
            let content = try #require(described["content"] as? [String: [String: Any]])
            if let schema = content["application/json"]?["schema"] as? [String: Any] {
                let value = try #require(answer.json)
                #expect(check.problems(value, schema) == [], "\(example.route)")
            } else {
                let schema = try #require(
                    content["application/x-ndjson"]?["x-line-schema"] as? [String: Any])
                for line in try answer.lines() {
                    #expect(check.problems(line, schema) == [], "\(example.route)")
                }
            }
            seen.insert(example.route)
        }
        let answering = OpenAPIDocument.operations.filter { _, operation in
            operation.answers.values.contains {
                switch $0 {
                case .json, .ndjson: true
                case .empty, .text: false
                }
            }
        }
        #expect(Set(answering.keys).subtracting(seen).sorted() == [], "routes without an example")
    }

    /// A described member of a body is read: a value of another type is refused.
    @Test func everyFieldThatIsDescribedIsRead() async throws {
        let fixtures = try fixtures()
        defer { for fixture in fixtures.values { fixture.executor?.stop() } }
        let stored = await fixtures[.classifier]?.post("/documents", #"{"id":"a","text":"ab"}"#)
        #expect(stored?.status == 201)
        var fields = 0
        for example in Self.examples where !example.body.isEmpty {
            let fixture = try #require(fixtures[example.model])
            let document = await fixture.send(.get, "/openapi.json").object
            let check = SchemaCheck(document: document, isClosed: false)
            guard
                var body = try? JSONSerialization.jsonObject(with: Data(example.body.utf8))
                    as? [String: Any]
            else { continue }
            // What a body names is checked before what it asks for.
            if example.route.contains("delete") { body = [:] }
            let operation = try operation(example.route, in: document)
            let content = try #require(
                (operation["requestBody"] as? [String: Any])?["content"] as? [String: [String: Any]]
            )
            let schema = try #require(content.values.first?["schema"] as? [String: Any])
            for (name, property) in properties(check.resolved(schema), check)
            where !isOtherForm(name, of: body) {
                let wrong = ["{\"?\":[]}", "3.5", "[[{}]]"].first { text in
                    let value = try? JSONSerialization.jsonObject(
                        with: Data(text.utf8), options: .fragmentsAllowed)
                    return value.map { !check.problems($0, property).isEmpty } ?? false
                }
                guard let wrong else {
                    Issue.record("\(example.route) \(name): takes anything")
                    continue
                }
                var fields = body
                fields[name] = NSNull()
                var text = String(
                    decoding: try JSONSerialization.data(withJSONObject: fields), as: UTF8.self)
                text = text.replacing("\"\(name)\":null", with: "\"\(name)\":\(wrong)")
                let answer = try await send(fixture, example, text)
                #expect(
                    answer.status == 422,
                    "\(example.route) \(name): \(wrong) is answered \(answer.status)")
            }
            fields += 1
        }
        #expect(fields > 30)
    }

    /// Whether a member belongs to another of a body's forms than this body has; it is not read then.
    private func isOtherForm(_ name: String, of body: [String: Any]) -> Bool {
        switch name {
        case "inputs": body["input"] != nil || body["question"] != nil
        case "input", "question", "context": body["inputs"] != nil || body["query"] != nil
        case "query", "texts", "documents", "rank_fields", "return_text", "return_documents",
            "top_n":
            body["inputs"] != nil
        case "head", "evidence": body["query"] != nil
        // What belongs to labels is not looked at without any.
        case "hypothesis_template", "multi_label": body["candidate_labels"] == nil
        default: false
        }
    }

    /// The members that a schema and its parts name.
    private func properties(
        _ schema: [String: Any], _ check: SchemaCheck
    ) -> [(String, [String: Any])] {
        var found = (schema["properties"] as? [String: [String: Any]] ?? [:]).map { ($0, $1) }
        for key in ["allOf", "anyOf", "oneOf"] {
            for part in schema[key] as? [[String: Any]] ?? [] {
                for (name, property) in properties(check.resolved(part), check)
                where !found.contains(where: { $0.0 == name }) {
                    found.append((name, property))
                }
            }
        }
        return found
    }

    @Test func theTimeThatARequestMayTakeIsDescribedWhereItHolds() async throws {
        let document = await (try APIFixture(golden: nil)).send(.get, "/openapi.json").object
        let check = SchemaCheck(document: document)
        for route in OpenAPIDocument.operations.keys {
            let described = try operation(route, in: document)
            let parameters = described["parameters"] as? [[String: Any]] ?? []
            let names = parameters.map(check.resolved).compactMap { $0["name"] as? String }
            let isOpen = described["security"] != nil
            #expect(names.contains("x-request-timeout") == !isOpen, "\(route)")
        }
    }
}
