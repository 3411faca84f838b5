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
