import DocumentStore
import Foundation
import TestSupport
import Testing

/// Search by vectors answers what a comparison of all of them would, and follows every write.
struct SearchTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func ids(
        _ store: EncodingStore, _ query: [Float], topK: Int = 10, filter: MetadataFilter? = nil,
        model: [UInt8] = fingerprint
    ) async throws -> [String] {
        try await store.search(
            SearchRequest(query: .vector(query), model: model, topK: topK, filter: filter)
        ).map(\.document.id)
    }

    /// The ids by cosine in double precision, ties by id.
    private func expected(
        _ drafts: some Collection<DocumentDraft>, _ query: [Float], topK: Int = 10
    ) -> [String] {
        drafts.map { ($0.id, cosine($0.encoding?.vector ?? [], query)) }
            .sorted { a, b in
                abs(a.1 - b.1) > 1e-14 ? a.1 > b.1 : a.0.utf8.lexicographicallyPrecedes(b.0.utf8)
            }
            .prefix(topK).map(\.0)
    }

    @Test("random puts, replacements and deletions, from two stores on one file", arguments: 0..<3)
    func followsWrites(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(8000 + seed))
        let stores = [try openStore(folder.path()), try openStore(folder.path())]
        var standing: [String: DocumentDraft] = [:]
        for step in 0..<40 {
            let writer = stores[Int.random(in: 0...1, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let id = "d\(Int.random(in: 0..<30, using: &random))"
                _ = try await writer.delete(ids: [id])
                standing[id] = nil
            case 1:
                // Metadata alone: no vector changes.
                guard let draft = standing.values.randomElement(using: &random) else { continue }
                var asking = draft
                asking.encoding = nil
                asking.metadata = try DocumentMetadata(["step": .integer(Int64(step))])
                _ = try await writer.put([asking], model: fingerprint)
            case 2 where step % 7 == 0:
                _ = try await writer.compact()
            default:
                let drafts = try (0..<4).map { _ in
                    try random.draft("d\(Int.random(in: 0..<30, using: &random))")
                }
                _ = try await writer.put(drafts, model: fingerprint)
                for draft in drafts { standing[draft.id] = draft }
            }
            let query = random.floats(8)
            for store in stores {
                let found = try await ids(store, query, topK: 6)
                #expect(
                    found == expected(standing.values, query, topK: 6),
                    "seed \(8000 + seed), step \(step)")
            }
        }
    }

    @Test("filters, and how many pass them, do not change the order")
    func filtered() async throws {
        var random = SeededGenerator(seed: 81)
        let store = try openStore(folder.path())
        let drafts = try (0..<300).map {
            try random.draft("d\($0)", metadata: ["n": .integer(Int64($0))])
        }
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        for limit in [0, 1, 3, 150, 300] {
            let filter = try MetadataFilter(
                .object(["n": .object(["$lt": .integer(Int64(limit))])]))
            let found = try await ids(store, query, filter: filter)
            #expect(found == expected(drafts.prefix(limit), query))
        }
    }

    @Test("equal vectors stand in the order of their ids, and the cut goes through them")
    func ties() async throws {
        var random = SeededGenerator(seed: 82)
        let store = try openStore(folder.path())
        var drafts = try ["b", "é", "a", "Z", "10", "9"].map { try random.draft($0) }
        for index in drafts.indices { drafts[index].encoding?.vector = [1, 2, 3] }
        _ = try await store.put(drafts, model: fingerprint)
        #expect(try await ids(store, [3, 2, 1], topK: 4) == ["10", "9", "Z", "a"])
    }

    @Test("vectors of another model or length are never compared")
    func separation() async throws {
        var random = SeededGenerator(seed: 83)
        let store = try openStore(folder.path())
        let (ours, others) = (try random.drafts(3), try random.drafts(3, prefix: "o"))
        _ = try await store.put(ours, model: fingerprint)
        _ = try await store.put(others, model: otherFingerprint)
        _ = try await store.put(try random.drafts(2, prefix: "w", columns: 9), model: fingerprint)
        let query = random.floats(8)
        #expect(try await ids(store, query) == expected(ours, query))
        #expect(try await ids(store, query, model: otherFingerprint) == expected(others, query))
        #expect(try await ids(store, query, model: [UInt8](repeating: 1, count: 32)).isEmpty)
        // A document that goes over to the other model leaves this one's results.
        var moved = ours[0]
        moved.encoding = random.documentEncoding()
        _ = try await store.put([moved], model: otherFingerprint)
        #expect(try await ids(store, query) == expected(ours.dropFirst(), query))
    }

    @Test("passages, of all granularities or one, with their places")
    func passages() async throws {
        var random = SeededGenerator(seed: 84)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(40, passages: 6)
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        for granularity in [nil, "sentence", "paragraph", "none"] {
            let hits = try await store.search(
                SearchRequest(
                    query: .vector(query), model: fingerprint, topK: 12,
                    scope: .passages(granularity: granularity)))
            let all = drafts.flatMap { draft in
                (draft.encoding?.passages ?? [])
                    .filter { granularity == nil || $0.granularity == granularity }
                    .map { (draft.id, $0, cosine($0.vector, query)) }
            }.sorted { $0.2 > $1.2 }.prefix(12)
            #expect(hits.map(\.document.id) == all.map(\.0))
            #expect(hits.map(\.passage?.start) == all.map(\.1.start))
            #expect(hits.map(\.passage?.granularity) == all.map(\.1.granularity))
            for (hit, expected) in zip(hits, all) { #expect(abs(hit.score - expected.2) < 1e-12) }
        }
        // The passages of a document that is put again without any are gone.
        var bare = drafts[0]
        bare.encoding?.passages = []
        _ = try await store.put([bare], model: fingerprint)
        let hits = try await store.search(
            SearchRequest(
                query: .vector(query), model: fingerprint, topK: 1000,
                scope: .passages(granularity: nil)))
        #expect(hits.count == 39 * 6 && !hits.contains { $0.document.id == bare.id })
    }

    @Test("passages say what lies at their places, whether the whole text is asked for or not")
    func passageTexts() async throws {
        var random = SeededGenerator(seed: 88)
        let store = try openStore(folder.path())
        let sentence = "e\u{301} \u{1F469}\u{200D}\u{1F680} naïve\r\n"
        let (length, count) = (sentence.unicodeScalars.count, 300)
        var drafts = try random.drafts(2)
        for index in drafts.indices {
            drafts[index].text = String(repeating: sentence, count: count)
            drafts[index].encoding?.passages = (0..<count).map { place in
                Passage(
                    granularity: "sentence", start: place * length, end: (place + 1) * length,
                    vector: random.floats(8))
            }
        }
        // Beyond the text, as far as it goes.
        drafts[1].encoding?.passages[0].end = count * length + 9
        drafts[1].encoding?.passages[1].start = count * length
        drafts[1].encoding?.passages[1].end = count * length + 9
        _ = try await store.put(drafts, model: fingerprint)
        for parts in [[], DocumentParts.text] {
            let hits = try await store.search(
                SearchRequest(
                    query: .vector(random.floats(8)), model: fingerprint, topK: 1000,
                    scope: .passages(granularity: nil), parts: parts))
            #expect(hits.count == 2 * count)
            for hit in hits {
                let place = try #require(hit.passage)
                let end = min(place.end, count * length)
                let expected = (end - place.start) / length
                #expect(hit.passageText == String(repeating: sentence, count: expected))
                #expect(hit.document.text == (parts.isEmpty ? nil : drafts[0].text))
            }
        }
        let documents = try await store.search(
            SearchRequest(query: .vector(random.floats(8)), model: fingerprint))
        #expect(documents.map(\.passageText) == [nil, nil])
    }

    @Test("like a document: itself is left out; one that is not there is named")
    func like() async throws {
        var random = SeededGenerator(seed: 85)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(20)
        _ = try await store.put(drafts, model: fingerprint)
        let hits = try await store.search(
            SearchRequest(query: .like(id: "d4"), model: fingerprint, topK: 5))
        let others = drafts.filter { $0.id != "d4" }
        #expect(
            hits.map(\.document.id)
                == expected(others, drafts[4].encoding?.vector ?? [], topK: 5))
        let error = await storeError {
            try await store.search(SearchRequest(query: .like(id: "no"), model: fingerprint))
        }
        #expect(error == .noSuchDocument(id: "no"))
    }

    @Test("searches beside a writer see whole transactions")
    func besideWriter() async throws {
        var random = SeededGenerator(seed: 86)
        let store = try openStore(folder.path())
        // Each transaction replaces all ten: a search that mixed two would see other distances.
        let rounds = try (0..<25).map { round in
            try random.drafts(10).map { draft in
                var draft = draft
                draft.metadata = try DocumentMetadata(["round": .integer(Int64(round))])
                return draft
            }
        }
        _ = try await store.put(rounds[0], model: fingerprint)
        let queries = (0..<6).map { _ in random.floats(8) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for drafts in rounds { _ = try await store.put(drafts, model: fingerprint) }
            }
            for query in queries {
                group.addTask {
                    for _ in 0..<15 {
                        let hits = try await store.search(
                            SearchRequest(query: .vector(query), model: fingerprint))
                        let metadata = Set(hits.map(\.document.metadata))
                        #expect(hits.count == 10 && metadata.count == 1)
                        guard case .integer(let round)? = metadata.first??.members?["round"] else {
                            Issue.record("a hit without metadata")
                            return
                        }
                        let wanted = rounds[Int(round)].map {
                            cosine($0.encoding?.vector ?? [], query)
                        }.sorted(by: >)
                        for (hit, score) in zip(hits, wanted) {
                            #expect(abs(hit.score - score) < 1e-12)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a query that is empty or not finite is refused")
    func badQuery() async throws {
        let store = try openStore(folder.path())
        for vector in [[], [Float.nan], [.infinity]] {
            let error = await storeError {
                try await store.search(
                    SearchRequest(query: .vector(vector), model: fingerprint))
            }
            guard case .invalid("embedding", _)? = error else {
                Issue.record("expected the vector to be refused")
                continue
            }
        }
    }

    @Test("a flipped bit in a vector is damage, not a wrong answer")
    func flippedBit() async throws {
        var random = SeededGenerator(seed: 87)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(5, columns: 40)
        _ = try await store.put(drafts, model: fingerprint)
        store.close()
        let url = URL(filePath: folder.path())
        var bytes = try Data(contentsOf: url)
        let vector = try #require(drafts[2].encoding?.vector)
        let place = try #require(bytes.range(of: vector.withUnsafeBytes { Data($0) })).lowerBound
        bytes[place + 9] ^= 64
        try bytes.write(to: url)
        let again = try openStore(folder.path())
        let error = await storeError {
            try await again.search(
                SearchRequest(query: .vector(random.floats(40)), model: fingerprint))
        }
        guard case .damagedRow(_, let detail)? = error else {
            Issue.record("expected damage to be found, got \(String(describing: error))")
            return
        }
        #expect(detail.contains("a vector of the document \"d2\" differs"))
        #expect(again.trouble == nil)
        #expect(try await again.delete(ids: ["d2"]) == 1)
        let request = SearchRequest(query: .vector(random.floats(40)), model: fingerprint)
        #expect(try await again.search(request).count == 4)
    }

    /// Each hit is written with its document, so that one document may be more than an answer holds.
    @Test("an answer's bytes are those of all its hits")
    func hitsOfOneLargeDocument() async throws {
        var random = SeededGenerator(seed: 93)
        var draft = try random.draft("a", metadata: [:], passages: 600)
        draft.text = String(repeating: "river ", count: 30_000)
        let store = try openStore(folder.path())
        _ = try await store.put([draft], model: fingerprint)
        var request = SearchRequest(
            query: .vector(random.floats(8)), model: fingerprint, topK: 600,
            scope: .passages(granularity: nil), parts: [.text])
        let error = await storeError { _ = try await store.search(request) }
        guard case .invalid("top_k", _)? = error else {
            Issue.record("expected the answer to be too large, got \(String(describing: error))")
            return
        }
        request.topK = 100
        #expect(try await store.search(request).count == 100)
    }
}
