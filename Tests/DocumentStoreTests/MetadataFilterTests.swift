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

    /// Filters within the limits whose parts stand where SQLite's parser has to hold most.
    private static let deep: [(String, MetadataValue)] = {
        typealias Filter = MetadataValue
        func test(_ number: Int) -> Filter { ["a": .integer(Int64(number))] }
        func any(_ parts: [Filter]) -> Filter { ["$or": .array(parts)] }
        func all(_ parts: [Filter]) -> Filter { ["$and": .array(parts)] }
        func nested(_ depth: Int, _ step: (Filter, Int) -> Filter) -> Filter {
            (1...depth).reduce(test(1)) { step($0, $1) }
        }
        let depth = MetadataFilter.maximumDepth
        func tree(_ depth: Int) -> Filter {
            depth == 0
                ? ["a": .object(["$ne": 3])]
                : depth % 2 == 0
                    ? any([tree(depth - 1), tree(depth - 1)])
                    : all([tree(depth - 1), tree(depth - 1)])
        }
        func comb(_ depth: Int, _ width: Int) -> Filter {
            nested(depth) { inner, level in
                [
                    "!": .integer(1), "b": .object(["$exists": .bool(level % 2 == 0)]),
                    "$or": .array((0..<width).map { test($0 + 7) } + [inner]),
                ]
            }
        }
        return [
            ("right", nested(depth) { inner, _ in ["!": 1, "$or": .array([["b": 1], inner])] }),
            ("left", nested(depth) { inner, _ in ["z": 1, "$or": .array([inner, ["b": 1]])] }),
            ("lists", nested(depth) { $1 % 2 == 0 ? any([test(2), $0]) : all([test(1), $0]) }),
            ("not", nested(depth) { inner, _ in ["a": .object(["$ne": 5]), "$not": inner] }),
            (
                "not of or",
                nested(depth / 2) { inner, _ in ["$not": any([["b": 1], inner]), "a": 1] }
            ),
            (
                "operators",
                [
                    "a": (0..<depth).reduce(.object(["$eq": 1])) { inner, _ in
                        .object(["$exists": true, "$not": inner])
                    }
                ]
            ),
            ("tree", tree(9)), ("comb", comb(depth, 26)),
            (
                "trees in a comb",
                nested(depth - 9) { inner, level in
                    [
                        "a": .object(["$gt": 0]),
                        "$or": .array([["b": 1], level == 1 ? tree(8) : inner]),
                    ]
                }
            ),
            ("empty", nested(depth - 1) { inner, _ in any([inner, all([[:], [:]])]) }),
        ]
    }()

    @Test("filters as deep as is allowed run in every statement", arguments: deep)
    func deepFilters(name: String, json: MetadataValue) async throws {
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 77)
        let values: [String: [String: MetadataValue]] = [
            "one": ["a": 1], "two": ["a": 2, "!": 1], "three": ["a": 1, "!": 1, "z": 1, "b": 1],
            "none": [:],
        ]
        _ = try await store.put(
            try values.sorted { $0.key < $1.key }.map { id, members in
                var draft = try random.draft(id, metadata: members, columns: 2)
                draft.text = "river"
                return draft
            }, model: fingerprint)
        let filter = try MetadataFilter(json)
        let expected = Set(values.filter { FilterDefinition.holds(json, for: $1) }.keys)
        #expect(try await store.countDocuments(where: filter) == expected.count)
        var query = DocumentQuery(filter: filter, order: .updated, limit: 1)
        var listed: Set<String> = []
        repeat {
            let page = try await store.list(query)
            listed.formUnion(page.documents.map(\.id))
            query.cursor = page.next
        } while query.cursor != nil
        #expect(listed == expected)
        for search in [SearchRequest.Query.text("river"), .vector([1, 0])] {
            let hits = try await store.search(
                SearchRequest(
                    query: search, model: fingerprint, topK: 9, filter: filter, parts: []))
            #expect(Set(hits.map(\.document.id)) == expected)
        }
        #expect(
            try await store.export(where: filter, parts: []).count() == expected.count)
        #expect(try await store.delete(where: filter) == expected.count)
        #expect(try await store.countDocuments() == 4 - expected.count)
    }

    @Test("so many conditions that read every value, and no more")
    func containing() throws {
        func filter(_ count: Int) -> MetadataValue {
            .object([
                "$or": .array(
                    (0..<count).map {
                        ["a": .object([$0 % 2 == 0 ? "$contains" : "$not_contains": "x"])]
                    })
            ])
        }
        _ = try MetadataFilter(filter(32))
        let error = #expect(throws: MetadataFilterError.self) { try MetadataFilter(filter(33)) }
        #expect(error?.path.hasPrefix("filter.") == true)
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
