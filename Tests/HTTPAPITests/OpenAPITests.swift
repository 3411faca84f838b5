import Foundation
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

@Suite struct OpenAPITests {
    @Test func everyRouteIsDescribedAndNothingElse() {
        let routes = Set(Route.all.map(OpenAPIDocument.name(of:)))
        let described = Set(OpenAPIDocument.operations.keys)
        #expect(routes.subtracting(described).sorted() == [], "routes without a description")
        #expect(described.subtracting(routes).sorted() == [], "descriptions without a route")
    }

    @Test func bodiesAreDescribedWhereTheyAreRead() {
        for route in Route.all {
            let body = OpenAPIDocument.operations[OpenAPIDocument.name(of: route)]?.body
            #expect((route.input != .nothing) == (body != nil), "\(route.pattern)")
        }
    }

    @Test func queriesAreDescribedWhereTheyAreChecked() throws {
        for route in Route.documents {
            let operation = try #require(
                OpenAPIDocument.operations[OpenAPIDocument.name(of: route)])
            let described = operation.query.map(\.name) + (operation.choosesModel ? ["model"] : [])
            #expect(route.queryNames == Set(described), "\(route.pattern)")
        }
    }

    @Test func everyReferenceHasItsTarget() async throws {
        let fixture = try APIFixture()
        let document = await fixture.send(.get, "/openapi.json").object
        #expect(document["openapi"] as? String == "3.1.0")
        var references: Set<String> = []
        collect(document, &references)
        #expect(references.count > 20)
        for reference in references {
            var place: Any? = document
            for step in reference.dropFirst(2).split(separator: "/") {
                place = (place as? [String: Any])?[String(step)]
            }
            #expect(place != nil, "\(reference)")
        }
        let schemas = try #require(
            (document["components"] as? [String: Any])?["schemas"] as? [String: Any])
        let used = Set(references.compactMap { $0.split(separator: "/").last.map(String.init) })
        #expect(Set(schemas.keys).subtracting(used).sorted() == [], "schemas nobody uses")
    }

    private func collect(_ value: Any, _ references: inout Set<String>) {
        if let object = value as? [String: Any] {
            if let reference = object["$ref"] as? String { references.insert(reference) }
            for value in object.values { collect(value, &references) }
        } else if let array = value as? [Any] {
            for value in array { collect(value, &references) }
        }
    }

    /// What is refused for what it says is not described as right, and what is described is taken.
    @Test(arguments: [
        (
            "SearchRequest", "/documents/search", #"{"query":"a","mode":"vector","fusion":"rrf"}"#,
            false
        ),
        ("SearchRequest", "/documents/search", #"{"like":"a","fusion":"rrf"}"#, false),
        ("SearchRequest", "/documents/search", #"{"query":"a","mode":"text","fusion":null}"#, true),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","mode":"hybrid","fusion":"relative_score"}"#, true
        ),
        ("SearchRequest", "/documents/search", #"{"query":"a","rank_constant":9}"#, false),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","mode":"hybrid","fusion":"relative_score","rank_constant":9}"#, false
        ),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","mode":"hybrid","rank_constant":9}"#,
            true
        ),
        ("SearchRequest", "/documents/search", #"{"query":"a","alpha":0.4}"#, false),
        ("SearchRequest", "/documents/search", #"{"query":"a","mode":"hybrid","alpha":2}"#, false),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","mode":"hybrid","fusion":"relative_score","alpha":0.6}"#, true
        ),
        ("SearchRequest", "/documents/search", #"{"query":"a","passage_weight":0.4}"#, true),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","passage_weight":0.4,"passages":"sentence"}"#, false
        ),
        (
            "SearchRequest", "/documents/search",
            #"{"query":"a","passage_weight":0.4,"mode":"text"}"#, false
        ),
        ("SearchRequest", "/documents/search", #"{"query":"a","where":{}}"#, false),
        (
            "SearchRequest", "/documents/search", #"{"query":"a","mode":"text","passages":true}"#,
            false
        ),
        (
            "SearchRequest", "/documents/search",
            #"""
            {"query":"a","filter":{"$or":[{"a":{"$in":[1,"x",null,true],"$not":{"$gt":"m"}}},
            {"$not":{"b.c":{"$not_contains":"y","$nin":[]}}}],"d":null}}
            """#, true
        ),
        ("SearchRequest", "/documents/search", #"{"query":"a","filter":{}}"#, true),
        ("SearchRequest", "/documents/search", #"{"query":"a","filter":{"$and":[]}}"#, false),
        ("SearchRequest", "/documents/search", #"{"query":"a","filter":{"$nor":[{}]}}"#, false),
        ("SearchRequest", "/documents/search", #"{"query":"a","filter":{"a":{"b":1}}}"#, false),
        (
            "Documents", "/documents",
            #"[{"id":-7,"text":"a","chunk":["sentence","line"]},{"id":"b","text":"b","chunk":[]}]"#,
            true
        ),
        ("Documents", "/documents", #"{"text":"a","chunk":["page"]}"#, false),
        ("OpenAIEmbeddingsRequest", "/v1/embeddings", #"{"input":"a","normalize":false}"#, true),
        ("PipelineRequest", "/", #"{"inputs":"a","candidate_labels":["b","c"]}"#, true),
        ("DeleteRequest", "/documents/delete", #"{"ids":[-10000000000000000000]}"#, false),
        ("DeleteRequest", "/documents/delete", #"{"ids":[-1,"a"]}"#, true),
        ("EmbedRequest", "/embed", #"{"inputs":"a","window_overlap":18446744073709551616}"#, false),
        ("EmbedRequest", "/embed", #"{"inputs":"a","long":"windows","window_overlap":3}"#, true),
    ])
    func descriptionsTakeWhatIsTaken(
        name: String, path: String, body: String, isRight: Bool
    ) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let document = await fixture.send(.get, "/openapi.json").object
        let check = SchemaCheck(document: document)
        let value = try JSONSerialization.jsonObject(with: Data(body.utf8))
        let problems = check.problems(value, ["$ref": "#/components/schemas/\(name)"])
        #expect(problems.isEmpty == isRight, "\(problems)")
        #expect([200, 201].contains(await fixture.post(path, body).status) == isRight)
    }

    @Test func limitsAreThoseInForce() async throws {
        let fixture = try APIFixture { $0.maximumClientBatchSize = 7 }
        let text = String(
            decoding: await fixture.send(.get, "/openapi.json").bytes, as: UTF8.self)
        #expect(!text.contains("{{"))
        #expect(text.contains(#""maxItems":7"#) && text.contains(#""maximum":255"#))
        let loaded = try #require(fixture.loaded)
        #expect(text.contains("\"enum\":[\"\(loaded.name)\"]"))
    }

    @Test func keysAreAskedForWhereThereAreSome() async throws {
        let open = await (try APIFixture(golden: nil)).send(.get, "/openapi.json").object
        #expect((open["security"] as? [Any])?.isEmpty == true)
        let locked = await (try APIFixture(golden: nil, keys: APIKeys(["k"])))
            .send(.get, "/openapi.json").object
        #expect((locked["security"] as? [[String: [String]]]) == [["key": []]])
    }
}
