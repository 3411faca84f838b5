import DocumentStore
import Foundation
import TestSupport
import Testing

/// A filter lets through what its definition says, whatever the values.
struct MetadataFilterTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("SQL and the definition agree on random documents and filters", arguments: 0..<4)
    func againstDefinition(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(7000 + seed))
        let store = try openStore(folder.path())
        var values: [String: [String: MetadataValue]] = [:]
        for round in 0..<2 {
            // The second round changes half of them, so that old entries have to go.
            for index in 0..<60 where round == 0 || index % 2 == 0 {
                values["d\(index)"] = random.members(depth: 2)
            }
            let drafts = try values.sorted { $0.key < $1.key }.map { id, members in
                try random.draft(id, metadata: members, columns: 2)
            }
            _ = try await store.put(drafts, model: fingerprint)
        }
        for trial in 0..<150 {
            let json = MetadataValue.object(random.filter(depth: 3))
            let filter = try MetadataFilter(json)
            var query = DocumentQuery(filter: filter, limit: 1000)
            query.parts = []
            let found = Set(try await store.list(query).documents.map(\.id))
            let expected = Set(values.filter { FilterDefinition.holds(json, for: $1) }.keys)
            #expect(found == expected, "seed \(7000 + seed), trial \(trial): \(json)")
            let hits = try await store.search(
                SearchRequest(
                    query: .vector([1, 0]), model: fingerprint, topK: 1000, filter: filter,
                    parts: []))
            #expect(
                Set(hits.map(\.document.id)) == expected && hits.count == expected.count,
                "seed \(7000 + seed), trial \(trial): \(json)")
        }
    }

    private static let wrong: [(String, String)] = [
        (#"[]"#, "filter: expected an object, got a list"),
        (#"{"$or":[]}"#, "filter.$or: expected a list of one filter or more"),
        (#"{"$or":[{"a":1},3]}"#, "filter.$or[1]: expected an object, got a number"),
        (#"{"$nor":[{}]}"#, "filter.$nor: no such operator here"),
        (#"{"year":{"$gte":true}}"#, "filter.year.$gte: expected a number or a string"),
        (#"{"year":{"$gte":[1]}}"#, "filter.year.$gte: expected a string, a number"),
        (#"{"year":{"$in":3}}"#, "filter.year.$in: expected a list, got a number"),
        (#"{"year":{"$in":[1,{}]}}"#, "filter.year.$in[1]: expected a string"),
        (#"{"a":{"$and":[{"b":{"$like":1}}]}}"#, "filter.a.$and: no such operator"),
        (#"{"a":{"b":1}}"#, #"filter.a.b: expected an operator such as $eq; a member"#),
        (#"{"a":{}}"#, "filter.a: expected an operator"),
        (#"{"a":[1]}"#, "filter.a: expected a string, a number, a boolean or null, got a list"),
        (#"{"a":{"$exists":1}}"#, "filter.a.$exists: expected true or false"),
        (#"{"a":{"$not":3}}"#, "filter.a.$not: expected an object"),
    ]

    @Test("each mistake is named with its place", arguments: wrong)
    func mistakes(json: String, message: String) throws {
        let value = try JSONDecoder().decode(MetadataValue.self, from: Data(json.utf8))
        let error = #expect(throws: MetadataFilterError.self) { try MetadataFilter(value) }
        #expect(error.map { "\($0)".hasPrefix(message) } == true, "\(String(describing: error))")
    }

    @Test("depth and size have limits, and the largest that pass run")
    func limits() async throws {
        func nested(_ depth: Int) -> MetadataValue {
            (0..<depth).reduce(.object(["a": .integer(1)])) { inner, _ in .object(["$not": inner]) }
        }
        func wide(_ count: Int) -> MetadataValue {
            .object(["$or": .array((0..<count).map { .object(["a": .integer(Int64($0))]) })])
        }
        func listed(_ count: Int) -> MetadataValue {
            .object(["a": .object(["$in": .array((0..<count).map { .integer(Int64($0)) })])])
        }
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 75)
        _ = try await store.put(
            [try random.draft("x", metadata: ["a": .integer(1)])], model: fingerprint)
        for (value, count) in [
            (nested(MetadataFilter.maximumDepth), 1),
            (wide(MetadataFilter.maximumConditions), 1),
            (listed(MetadataFilter.maximumSize), 1),
        ] {
            #expect(try await store.countDocuments(where: MetadataFilter(value)) == count)
        }
        #expect(throws: MetadataFilterError.self) {
            try MetadataFilter(nested(MetadataFilter.maximumDepth + 1))
        }
        #expect(throws: MetadataFilterError.self) {
            try MetadataFilter(wide(MetadataFilter.maximumConditions + 1))
        }
        #expect(throws: MetadataFilterError.self) {
            try MetadataFilter(listed(MetadataFilter.maximumSize + 1))
        }
    }

    @Test("a filter's text reaches SQLite as a value only")
    func injection() async throws {
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 76)
        let nasty = "'); DROP TABLE document; --\0\"?1"
        _ = try await store.put(
            [try random.draft("x", metadata: [nasty: .string(nasty)])], model: fingerprint)
        let filter = try MetadataFilter(.object([nasty: .string(nasty)]))
        #expect(try await store.countDocuments(where: filter) == 1)
        let part = try MetadataFilter(
            .object([nasty: .object(["$contains": .string("\0\"?")])]))
        #expect(try await store.countDocuments(where: part) == 1)
    }
}
