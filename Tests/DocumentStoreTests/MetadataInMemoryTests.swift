package import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// What filters look into in memory follows the file, and is what the file's own index says.
struct MetadataInMemoryTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func ids(
        _ store: EncodingStore, _ filter: MetadataValue, scope: SearchRequest.Scope = .documents
    ) async throws -> [String: Int] {
        let hits = try await store.search(
            SearchRequest(
                query: .vector([1, 0]), model: fingerprint, topK: 10_000,
                filter: try MetadataFilter(filter), scope: scope, parts: []))
        return hits.reduce(into: [:]) { $0[$1.document.id, default: 0] += 1 }
    }

    /// The ids by SQL alone.
    private func listed(_ store: EncodingStore, _ filter: MetadataValue) async throws -> Set<String>
    {
        var query = DocumentQuery(filter: try MetadataFilter(filter), limit: 1000)
        query.parts = []
        return Set(try await store.list(query).documents.map(\.id))
    }

    @Test(
        "after every kind of write, by another store too, searches answer what lists do",
        arguments: 0..<3)
    func follows(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(9000 + seed))
        let stores = [try openStore(folder.path()), try openStore(folder.path())]
        var values: [String: [String: MetadataValue]] = [:]
        for step in 0..<24 {
            let writer = stores[Int.random(in: 0...1, using: &random)]
            let id = "d\(Int.random(in: 0..<150, using: &random))"
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                _ = try await writer.delete(ids: [id])
                values[id] = nil
            case 1, 2:
                // Metadata alone: no vector changes.
                guard let id = values.keys.sorted().randomElement(using: &random) else { continue }
                values[id] = random.members(depth: 2)
                var draft = DocumentDraft(id: id, text: "text of \(id)")
                draft.metadata = try values[id].map { try DocumentMetadata($0) }
                let outcome = try await writer.put([draft], model: fingerprint)
                #expect(outcome != [.needsEncoding])
            case 3 where step % 5 == 0:
                _ = try await writer.compact()
            default:
                // Few at a time mostly, and many: they are read in different ways.
                let count = step % 7 == 0 ? 100 : 3
                let drafts = try (0..<count).map { _ in
                    let id = "d\(Int.random(in: 0..<150, using: &random))"
                    values[id] = random.members(depth: 2)
                    return DocumentDraft(
                        id: id, text: "text of \(id)",
                        metadata: try values[id].map { try DocumentMetadata($0) },
                        encoding: random.documentEncoding(columns: 2, passages: 3))
                }
                _ = try await writer.put(drafts, model: fingerprint)
            }
            for trial in 0..<2 {
                let filter = MetadataValue.object(random.filter(depth: 3))
                let expected = Set(
                    values.filter { FilterDefinition.holds(filter, for: $1) }.keys)
                for store in stores {
                    let place: Comment =
                        "seed \(9000 + seed), step \(step), trial \(trial): \(filter)"
                    #expect(try await listed(store, filter) == expected, place)
                    let documents = try await ids(store, filter)
                    #expect(documents == expected.counted(1), place)
                    let passages = try await ids(
                        store, filter, scope: .passages(granularity: nil))
                    #expect(passages == expected.counted(3), place)
                    let sentences = try await ids(
                        store, filter, scope: .passages(granularity: "sentence"))
                    #expect(sentences == expected.counted(2), place)
                }
            }
        }
    }

    @Test("strings too long to hold are left to the file, with the same answers")
    func longStrings() async throws {
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 91)
        let long = String(repeating: "long text ", count: 120)
        func text(_ index: Int) -> MetadataValue {
            .string("\(index) \(long)\(index % 10)")
        }
        func metadata(_ index: Int) -> [String: MetadataValue] {
            ["text": text(index), "list": .array([text(index)]), "n": .integer(1)]
        }
        _ = try await store.put(
            (0..<100).map { index in
                try random.draft(
                    "d\(index)", metadata: index == 0 ? ["text": 7] : metadata(index), columns: 2)
            }, model: fingerprint)
        for round in 0..<2 {
            for (filter, count) in [
                (["text": text(13)], 1), (["text": ["$ne": text(13)]], 99 + round),
                (["text": ["$gte": "5"]], 55), (["text": ["$contains": "text 3"]], 10),
                (["list": ["$contains": text(13)]], 1), (["text": ["$exists": true]], 100),
                (["text": 7], 1), (["list": ["$exists": false]], 1 + round),
            ] as [(MetadataValue, Int)] {
                let expected = try await listed(store, filter)
                #expect(expected.count == count, "\(filter)")
                #expect(try await ids(store, filter) == expected.counted(1), "\(filter)")
            }
            _ = try await store.put(
                [try random.draft("new", metadata: ["n": 2], columns: 2)], model: fingerprint)
        }
    }

    @Test("paths of the same look and other bytes are two, also for what was looked up before")
    func spellings() async throws {
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 92)
        _ = try await store.put(
            [
                try random.draft("one", metadata: ["\u{e9}": 1], columns: 2),
                try random.draft("two", metadata: ["e\u{301}": 1], columns: 2),
            ], model: fingerprint)
        for _ in 0..<2 {
            #expect(try await ids(store, ["\u{e9}": 1]) == ["one": 1])
            #expect(try await ids(store, ["e\u{301}": 1]) == ["two": 1])
        }
    }

    @Test("new metadata alone are a change that the next search sees, of every model")
    func metadataAlone() async throws {
        let store = try openStore(folder.path())
        var random = SeededGenerator(seed: 93)
        let draft = try random.draft("a", metadata: ["n": 1], columns: 2, passages: 2)
        _ = try await store.put([draft], model: fingerprint)
        #expect(try await ids(store, ["n": 1]) == ["a": 1])
        var asking = draft
        asking.encoding = nil
        asking.metadata = try DocumentMetadata(["n": 2])
        #expect(try await store.put([asking], model: fingerprint) == [.metadataUpdated])
        #expect(try await ids(store, ["n": 1]) == [:])
        #expect(try await ids(store, ["n": 2]) == ["a": 1])
        #expect(try await ids(store, ["n": 2], scope: .passages(granularity: nil)) == ["a": 2])
    }

    @Test("a damaged table of metadata is told")
    func damage() async throws {
        var random = SeededGenerator(seed: 94)
        for statement in [
            "UPDATE metadata_value SET value = 'text' WHERE kind = 2", "DELETE FROM metadata_path",
        ] {
            let path = folder.path("\(statement.prefix(6)).sqlite")
            let store = try openStore(path)
            _ = try await store.put(
                [try random.draft("a", metadata: ["n": 1], columns: 2)], model: fingerprint)
            store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA foreign_keys = OFF; \(statement)")
            }
            try queue.close()
            let again = try openStore(path)
            let error = await storeError { try await ids(again, ["n": 1]) }
            #expect(error == .damagedRow(path: again.path, detail: "metadata has a wrong type"))
        }
    }
}

extension Set<String> {
    fileprivate func counted(_ count: Int) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: map { ($0, count) })
    }
}

extension MetadataValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(dictionaryLiteral elements: (String, MetadataValue)...) {
        self = .object(Dictionary(uniqueKeysWithValues: elements))
    }
}
