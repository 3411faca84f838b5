import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// Documents come back as they were put, and change as they are told to.
struct DocumentTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let everything: DocumentParts = [.text, .metadata, .vector, .passages, .states]

    @Test("all parts come back, also from a file that was opened again")
    func roundTrip() async throws {
        var random = SeededGenerator(seed: 61)
        var draft = try random.draft(
            "reports/2024 é", metadata: ["year": .integer(2024), "tags": .array([.string("a")])],
            passages: 5)
        draft.options = "sentence,paragraph"
        draft.encoding?.states = TokenStates(
            random.floats(3 * 8), columns: 8, offsets: [0..<0, 0..<4, 5..<9], format: .float16)
        let clock = TestClock()
        let store = try openStore(folder.path(), options: StoreOptions(clock: clock.now))
        #expect(try await store.put([draft], model: fingerprint) == [.created])
        store.close()

        let again = try openStore(folder.path())
        let found = try #require(
            try await again.document(draft.id, parts: Self.everything))
        #expect(found.id == draft.id && found.text == draft.text)
        #expect(found.metadata == draft.metadata)
        #expect(found.createdAt == clock.now() && found.updatedAt == clock.now())
        let record = try #require(found.encoding)
        #expect(record.fingerprint == fingerprint && record.options == draft.options)
        #expect(record.tokens == 12 && record.tokensUsed == 10 && record.hasStates)
        #expect(record.vector == draft.encoding?.vector)
        #expect(record.passages == draft.encoding?.passages)
        #expect(record.states == draft.encoding?.states)
        let plain = try #require(try await again.document(draft.id, parts: []))
        #expect(plain.text == nil && plain.metadata == nil && plain.encoding?.vector == nil)
        #expect(try await again.document("none", parts: []) == nil)
    }

    @Test("texts and metadata keep every character, a zero byte included")
    func characters() async throws {
        var random = SeededGenerator(seed: 62)
        var draft = try random.draft(
            "a", metadata: ["z\0\"ero": .string("a\0b\u{1F600}"), "e\u{301}": .string("é")])
        draft.text = "\u{FEFF}one\0two\r\n\u{FEFF}three \u{1F469}\u{200D}\u{1F680}"
        let store = try openStore(folder.path())
        _ = try await store.put([draft], model: fingerprint)
        let found = try await store.document("a", parts: [.text, .metadata])
        #expect(found?.text.map { Array($0.utf8) } == Array(draft.text.utf8))
        #expect(found?.metadata == draft.metadata)
        #expect(try await store.delete(ids: ["a"]) == 1)
        #expect(try await store.put([draft], model: fingerprint) == [.created])
    }

    @Test("the same text, model and options are not encoded again; metadata alone is replaced")
    func unchanged() async throws {
        var random = SeededGenerator(seed: 63)
        let clock = TestClock()
        let store = try openStore(folder.path(), options: StoreOptions(clock: clock.now))
        let draft = try random.draft("a", metadata: ["k": .integer(1)])
        var asking = draft
        asking.encoding = nil
        #expect(try await store.put([asking], model: fingerprint) == [.needsEncoding])
        #expect(try await store.put([draft], model: fingerprint) == [.created])
        clock.advance(10)
        #expect(try await store.put([asking], model: fingerprint) == [.unchanged])
        asking.metadata = nil
        #expect(try await store.put([asking], model: fingerprint) == [.unchanged])
        #expect(try await store.put([asking], model: otherFingerprint) == [.needsEncoding])
        asking.options = "passages"
        #expect(try await store.put([asking], model: fingerprint) == [.needsEncoding])
        asking.options = draft.options
        asking.metadata = try DocumentMetadata(["k": .integer(2)])
        #expect(try await store.put([asking], model: fingerprint) == [.metadataUpdated])
        let found = try #require(try await store.document("a", parts: [.metadata, .vector]))
        #expect(found.metadata == asking.metadata)
        #expect(found.encoding?.vector == draft.encoding?.vector)
        #expect(found.updatedAt == clock.now() && found.createdAt < found.updatedAt)
        asking.text += "!"
        #expect(try await store.put([asking], model: fingerprint) == [.needsEncoding])
        asking.encoding = draft.encoding
        asking.metadata = nil
        #expect(try await store.put([asking], model: fingerprint) == [.replaced])
        let replaced = try #require(try await store.document("a", parts: [.metadata, .text]))
        #expect(replaced.metadata == found.metadata && replaced.text == asking.text)
    }

    @Test("metadata in another normal form are other metadata, for what is kept and for filters")
    func normalForms() async throws {
        var random = SeededGenerator(seed: 69)
        let store = try openStore(folder.path())
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        var draft = try random.draft("a", metadata: ["n": .string(composed)])
        #expect(try await store.put([draft], model: fingerprint) == [.created])
        draft.encoding = nil
        for members: [String: MetadataValue] in [
            ["n": .string(decomposed)], ["n": .string(composed)],
            [composed: .integer(1), "in": .object([composed: .integer(1)])],
            [decomposed: .integer(1), "in": .object([decomposed: .integer(1)]), "z": .integer(2)],
        ] {
            draft.metadata = try DocumentMetadata(members)
            #expect(try await store.put([draft], model: fingerprint) == [.metadataUpdated])
            #expect(try await store.put([draft], model: fingerprint) == [.unchanged])
            let kept = try await store.document("a", parts: .metadata)?.metadata
            #expect(kept.map { Array($0.json.utf8) } == draft.metadata.map { Array($0.json.utf8) })
        }
        for (path, count) in [
            (composed, 0), (decomposed, 1), ("in." + composed, 0), ("in." + decomposed, 1),
        ] {
            let filter = try MetadataFilter(.object([path: .integer(1)]))
            #expect(try await store.countDocuments(where: filter) == count, "\(path)")
        }
        #expect(try await store.delete(ids: ["a"]) == 1)
        store.close()
        let queue = try DatabaseQueue(path: folder.path())
        let left = try await queue.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM metadata_value")
        }
        #expect(left == 0)
    }

    @Test("what cannot be kept is refused by name, and nothing of its list is written")
    func invalid() async throws {
        var random = SeededGenerator(seed: 64)
        let store = try openStore(folder.path())
        let good = try random.draft("good")
        for id in [
            "", "a\nb", "nul\0", "del\u{7f}", "c1\u{80}", "\u{9f}c1",
            String(repeating: "x", count: 1025),
        ] {
            var bad = good
            bad.id = id
            let error = await storeError { try await store.put([good, bad], model: fingerprint) }
            guard case .invalid("id", _)? = error else {
                Issue.record("expected the id to be refused, got \(String(describing: error))")
                continue
            }
        }
        for vector in [[], [Float.nan], [1, .infinity]] {
            var bad = good
            bad.encoding?.vector = vector
            let error = await storeError { try await store.put([good, bad], model: fingerprint) }
            guard case .invalid("embedding", _)? = error else {
                Issue.record("expected the vector to be refused")
                continue
            }
        }
        #expect(try await store.countDocuments() == 0)
        var deep = MetadataValue.integer(1)
        for _ in 0...DocumentMetadata.maximumDepth { deep = .array([deep]) }
        #expect(throws: StoreError.self) { try DocumentMetadata(["deep": deep]) }
        #expect(throws: StoreError.self) { try DocumentMetadata(["n": .number(.infinity)]) }
        func list(_ count: Int) -> MetadataValue {
            .array(Array(repeating: .array([]), count: count))
        }
        _ = try DocumentMetadata(["a": list(DocumentMetadata.maximumValues - 1)])
        #expect(throws: StoreError.self) {
            try DocumentMetadata(["a": list(DocumentMetadata.maximumValues)])
        }
        // A short body whose values all have a long path.
        let name = String(repeating: "n", count: 1_600)
        let few = Dictionary(uniqueKeysWithValues: (0..<160).map { ("a\($0)", MetadataValue.null) })
        _ = try DocumentMetadata([name: .object(few)])
        let many = Dictionary(
            uniqueKeysWithValues: (0..<170).map { ("a\($0)", MetadataValue.null) })
        #expect(throws: StoreError.self) { try DocumentMetadata([name: .object(many)]) }
    }

    @Test("a name with a control character of two bytes, which earlier versions took, can be used")
    func namesOfEarlierVersions() async throws {
        var random = SeededGenerator(seed: 67)
        let store = try openStore(folder.path())
        _ = try await store.put(try random.drafts(2), model: fingerprint)
        let file = try DatabaseQueue(path: folder.path())
        let name = "next\u{85}line"
        try await file.write {
            try $0.execute(
                sql: "UPDATE document SET name = ? WHERE name = 'd0'", arguments: [name])
        }
        #expect(try await store.document(name, parts: .text)?.id == name)
        let hits = try await store.search(
            SearchRequest(query: .like(id: name), model: fingerprint, topK: 9))
        #expect(hits.map(\.document.id) == ["d1"])
        #expect(try await store.delete(ids: [name]) == 1)
    }

    @Test("a name with a zero byte is not the document that stands before the byte")
    func zeroBytes() async throws {
        var random = SeededGenerator(seed: 66)
        let store = try openStore(folder.path())
        _ = try await store.put([try random.draft("tides")], model: fingerprint)
        #expect(try await store.delete(ids: ["tides\0x"]) == 0)
        #expect(
            try await store.documents(["tides\0x", "tides"], parts: []).map { $0?.id } == [
                nil, "tides",
            ])
        await #expect(throws: StoreError.self) {
            try await store.search(
                SearchRequest(query: .like(id: "tides\0x"), model: fingerprint, topK: 1))
        }
        #expect(try await store.delete(ids: ["tides"]) == 1)
    }

    @Test("one document of a list twice: the last one holds")
    func twice() async throws {
        var random = SeededGenerator(seed: 65)
        let (first, second) = (try random.draft("a"), try random.draft("a"))
        let store = try openStore(folder.path())
        let outcomes = try await store.put([first, second], model: fingerprint)
        #expect(outcomes == [.created, .replaced])
        #expect(try await store.document("a", parts: .text)?.text == second.text)
    }

    @Test("deleting takes everything that hangs on a document with it")
    func deleting() async throws {
        var random = SeededGenerator(seed: 66)
        let store = try openStore(folder.path())
        var drafts = try random.drafts(30, passages: 3)
        for index in drafts.indices {
            drafts[index].metadata = try DocumentMetadata(["n": .integer(Int64(index))])
        }
        _ = try await store.put(drafts, model: fingerprint)
        #expect(try await store.delete(ids: ["d3", "none", "d3"]) == 1)
        let filter = try MetadataFilter(.object(["n": .object(["$lt": .integer(10)])]))
        #expect(try await store.delete(where: filter) == 9)
        var statistics = try await store.statistics()
        #expect(statistics.documents == 20 && statistics.passages == 60)
        #expect(try await store.countDocuments(where: filter) == 0)
        #expect(try await store.delete(where: MetadataFilter(.object([:]))) == 20)
        statistics = try await store.statistics()
        #expect(statistics.documents == 0 && statistics.passages == 0)
        let hits = try await store.search(
            SearchRequest(query: .text("river stone graph"), model: fingerprint))
        #expect(hits.isEmpty)
    }

    @Test("many documents go in groups, and what is not there is no change")
    func deletingMany() async throws {
        var random = SeededGenerator(seed: 70)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(2100, columns: 2)
        _ = try await store.put(drafts, model: fingerprint)
        let queue = try DatabaseQueue(path: folder.path())
        func revision() async throws -> Int {
            try await queue.read {
                try Int.fetchOne($0, sql: "SELECT value FROM counter WHERE name = 'revision'")
            } ?? 0
        }
        let before = try await revision()
        #expect(try await store.delete(ids: (0..<1500).map { "none\($0)" }) == 0)
        #expect(try await store.delete(ids: []) == 0)
        #expect(try await revision() == before)
        let ids = drafts.map(\.id)
        #expect(try await store.delete(ids: ids.prefix(50) + ids) == 2100)
        #expect(try await revision() == before + 3)
        #expect(try await store.countDocuments() == 0)
    }

    @Test("a file without a single page of another kind: statistics name models and times")
    func statistics() async throws {
        var random = SeededGenerator(seed: 67)
        let clock = TestClock()
        let store = try openStore(folder.path(), options: StoreOptions(clock: clock.now))
        let first = clock.now()
        _ = try await store.put(try random.drafts(3), model: fingerprint)
        clock.advance(60)
        _ = try await store.put(try random.drafts(2, prefix: "e"), model: otherFingerprint)
        let statistics = try await store.statistics()
        #expect(statistics.documentsByModel == [fingerprint: 3, otherFingerprint: 2])
        #expect(statistics.oldestDocument == first && statistics.newestDocument == clock.now())
    }

    @Test("acknowledged documents are there after a kill at any moment")
    func kill() async throws {
        var random = SeededGenerator(seed: 68)
        let store = try openStore(folder.path())
        var kept: [DocumentDraft] = []
        for round in 0..<8 {
            let drafts = try random.drafts(3, prefix: "r\(round)-", passages: 2)
            _ = try await store.put(drafts, model: fingerprint)
            kept += drafts
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(
                    atPath: folder.path() + suffix, toPath: folder.path("k\(round)") + suffix)
            }
            let survivor = try openStore(folder.path("k\(round)"))
            let found = try await survivor.documents(
                kept.map(\.id), parts: [.text, .vector, .passages])
            for (draft, document) in zip(kept, found) {
                #expect(document?.text == draft.text)
                #expect(document?.encoding?.vector == draft.encoding?.vector)
                #expect(document?.encoding?.passages == draft.encoding?.passages)
            }
            survivor.close()
        }
    }
}
