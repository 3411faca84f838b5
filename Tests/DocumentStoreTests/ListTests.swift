import DocumentStore
import Foundation
import TestSupport
import Testing

/// Lists walk in order, page by page, whatever is written meanwhile.
struct ListTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func walk(_ store: EncodingStore, _ query: DocumentQuery) async throws -> [String] {
        var (query, ids) = (query, [String]())
        repeat {
            let page = try await store.list(query)
            #expect(page.documents.count <= query.limit)
            ids += page.documents.map(\.id)
            query.cursor = page.next
        } while query.cursor != nil
        return ids
    }

    @Test("every order, both ways, with ties", arguments: DocumentQuery.Order.allCases)
    func orders(order: DocumentQuery.Order) async throws {
        var random = SeededGenerator(seed: 71)
        let clock = TestClock()
        let store = try openStore(folder.path(), options: StoreOptions(clock: clock.now))
        var expected: [(time: Int, id: String)] = []
        for round in 0..<5 {
            // The accent that begins an id is no part of whatever a cursor has before it.
            let drafts = try ["é", "z", "A", "a:b", "\u{301}"].map { prefix in
                try random.draft("\(prefix)\(4 - round)")
            }
            _ = try await store.put(drafts, model: fingerprint)
            expected += drafts.map { (round, $0.id) }
            clock.advance(0.001)
        }
        expected.sort { a, b in
            let byName = a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
            return order == .id || a.time == b.time ? byName : a.time < b.time
        }
        for limit in [1, 3, 20, 100] {
            let up = try await walk(store, DocumentQuery(order: order, limit: limit))
            #expect(up == expected.map(\.id))
            let down = try await walk(
                store, DocumentQuery(order: order, isDescending: true, limit: limit))
            #expect(down == expected.map(\.id).reversed())
        }
    }

    @Test("documents that stay are seen once, whatever is put and deleted between pages")
    func stability() async throws {
        var random = SeededGenerator(seed: 72)
        let store = try openStore(folder.path())
        let staying = try random.drafts(40, prefix: "s")
        _ = try await store.put(staying, model: fingerprint)
        _ = try await store.put(try random.drafts(20, prefix: "r"), model: fingerprint)
        var query = DocumentQuery(limit: 7)
        var seen: [String] = []
        for round in 0..<100 {
            let page = try await store.list(query)
            seen += page.documents.map(\.id)
            guard let next = page.next else { break }
            query.cursor = next
            _ = try await store.put(
                [try random.draft("q\(round)"), try random.draft("s\(round)x")],
                model: fingerprint)
            _ = try await store.delete(ids: ["r\(round)", page.documents.last?.id ?? ""])
        }
        let ids = Set(staying.map(\.id))
        let seenStaying = seen.filter(ids.contains)
        #expect(seenStaying.count == ids.count && Set(seenStaying) == ids)
    }

    @Test("filters and parts apply to every page")
    func filtered() async throws {
        var random = SeededGenerator(seed: 73)
        let store = try openStore(folder.path())
        let drafts = try (0..<50).map {
            try random.draft("d\($0)", metadata: ["n": .integer(Int64($0))])
        }
        _ = try await store.put(drafts, model: fingerprint)
        let filter = try MetadataFilter(.object(["n": .object(["$gte": .integer(20)])]))
        let ids = try await walk(store, DocumentQuery(filter: filter, limit: 9))
        #expect(Set(ids) == Set((20..<50).map { "d\($0)" }) && ids.count == 30)
        #expect(try await store.countDocuments(where: filter) == 30)
    }

    @Test("a page of large documents ends early, and the next one goes on", arguments: [5, 100])
    func largeDocuments(limit: Int) async throws {
        var random = SeededGenerator(seed: 74)
        let store = try openStore(folder.path())
        var drafts = try random.drafts(7)
        let text = String(repeating: "ab ", count: 500_000)
        for index in drafts.indices { drafts[index].text = text }
        _ = try await store.put(drafts, model: fingerprint)
        let query = DocumentQuery(limit: limit, parts: .text)
        let first = try await store.list(query)
        #expect(first.documents.map(\.id) == ["d0", "d1", "d2"] && first.next != nil)
        #expect(try await walk(store, query) == drafts.map(\.id))
        // Without the texts there is room for all.
        let small = try await store.list(DocumentQuery(limit: limit))
        #expect(small.documents.count == min(limit, 7))
    }

    @Test(
        "cursors of other orders, and other texts, are refused",
        arguments: ["", "x", "AAAA", "aWQ6MDo", "Y3JlYXRlZDoxOmE", "%%%", "aWQ6eDph"])
    func badCursor(cursor: String) async throws {
        let store = try openStore(folder.path())
        let error = await storeError { try await store.list(DocumentQuery(cursor: cursor)) }
        guard case .invalid("cursor", _)? = error else {
            Issue.record("expected the cursor to be refused")
            return
        }
    }
}
