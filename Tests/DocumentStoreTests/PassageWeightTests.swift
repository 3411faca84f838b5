import DocumentStore
import Foundation
import TestSupport
import Testing

/// Documents ranked by their own vectors and their passages': what a comparison of all would answer.
struct PassageWeightTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A document's two cosines with a query; the second is the first where there are no passages.
    private func cosines(_ draft: DocumentDraft, _ query: [Float]) -> (own: Double, best: Double) {
        let own = cosine(draft.encoding?.vector ?? [], query)
        let passages = draft.encoding?.passages ?? []
        return (own, passages.map { cosine($0.vector, query) }.max() ?? own)
    }

    private func expected(
        _ drafts: some Collection<DocumentDraft>, _ query: [Float], _ topK: Int, _ weight: Double
    ) -> [(id: String, score: Double)] {
        drafts.map { draft in
            let (own, best) = cosines(draft, query)
            return (draft.id, (1 - weight) * own + weight * best)
        }
        .sorted { a, b in
            abs(a.1 - b.1) > 1e-14 ? a.1 > b.1 : a.0.utf8.lexicographicallyPrecedes(b.0.utf8)
        }
        .prefix(topK).map { $0 }
    }

    private func drafts(_ count: Int, _ random: inout SeededGenerator) throws -> [DocumentDraft] {
        try (0..<count).map {
            try random.draft(
                "d\($0)", metadata: ["n": .integer(Int64($0))],
                passages: [0, 1, 3, 30].randomElement(using: &random) ?? 0)
        }
    }

    @Test(
        "the best by (1 - w) d + w p, with each hit's best passage, of more documents than are looked through first",
        arguments: 0..<3)
    func exact(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(8500 + seed))
        let store = try openStore(folder.path())
        var standing: [String: DocumentDraft] = [:]
        for _ in 0..<3 {
            let drafts = try drafts(700, &random)
            _ = try await store.put(drafts, model: fingerprint)
            for draft in drafts { standing[draft.id] = draft }
            for weight in [0.01, 0.3, 0.7, 1] {
                let query = random.floats(8)
                let topK = Int.random(in: 1...40, using: &random)
                let hits = try await store.search(
                    SearchRequest(
                        query: .vector(query), model: fingerprint, topK: topK,
                        scope: .documentsByPassages(weight: weight)))
                let wanted = expected(standing.values, query, topK, weight)
                #expect(hits.map(\.document.id) == wanted.map(\.id), "\(seed) \(weight)")
                for (hit, wanted) in zip(hits, wanted) {
                    let draft = try #require(standing[hit.document.id])
                    let (own, best) = cosines(draft, query)
                    #expect(abs(hit.score - wanted.score) < 1e-12)
                    #expect(abs((hit.byVector?.score ?? .nan) - own) < 1e-12)
                    #expect(abs((hit.byPassage?.score ?? .nan) - best) < 1e-12)
                    let passage = draft.encoding?.passages.first {
                        abs(cosine($0.vector, query) - best) < 1e-14
                    }
                    #expect(hit.passage?.start == passage?.start)
                    #expect(hit.passage?.granularity == passage?.granularity)
                }
            }
            let gone = standing.keys.shuffled(using: &random).prefix(100)
            _ = try await store.delete(ids: Array(gone))
            for id in gone { standing[id] = nil }
        }
    }

    @Test("a document whose passage alone is near is found among many whose own vectors are nearer")
    func farOwn() async throws {
        var random = SeededGenerator(seed: 8510)
        let store = try openStore(folder.path())
        var drafts = try random.drafts(1500, passages: 1)
        let query: [Float] = [1, 0, 0, 0, 0, 0, 0, 0]
        for index in drafts.indices {
            // Far more than are looked through at first are near, with passages that are not.
            drafts[index].encoding?.vector = [1, 0.5, 0, 0, 0, 0, 0, Float(index) / 3000]
            drafts[index].encoding?.passages[0].vector = [
                -1, Float(index) / 1500, 0, 0, 0, 0, 0, 0,
            ]
        }
        drafts[700].encoding?.vector = [0, 1, 0, 0, 0, 0, 0, 0]
        drafts[700].encoding?.passages[0].vector = query
        _ = try await store.put(drafts, model: fingerprint)
        for weight in [0.2, 0.5, 0.9] {
            let hits = try await store.search(
                SearchRequest(
                    query: .vector(query), model: fingerprint, topK: 3,
                    scope: .documentsByPassages(weight: weight)))
            let wanted = expected(drafts, query, 3, weight)
            #expect(hits.map(\.document.id) == wanted.map(\.id))
        }
    }

    @Test("filters hold for both, and a document is not like itself")
    func filteredAndLike() async throws {
        var random = SeededGenerator(seed: 8520)
        let store = try openStore(folder.path())
        let drafts = try drafts(300, &random)
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        for limit in [0, 2, 150] {
            let filter = try MetadataFilter(
                .object(["n": .object(["$lt": .integer(Int64(limit))])]))
            let hits = try await store.search(
                SearchRequest(
                    query: .vector(query), model: fingerprint, filter: filter,
                    scope: .documentsByPassages(weight: 0.4)))
            let wanted = expected(drafts.prefix(limit), query, 10, 0.4)
            #expect(hits.map(\.document.id) == wanted.map(\.id))
        }
        let own = try #require(drafts[17].encoding?.vector)
        let alike = try await store.search(
            SearchRequest(
                query: .like(id: "d17"), model: fingerprint,
                scope: .documentsByPassages(weight: 0.4)))
        let others = drafts.filter { $0.id != "d17" }
        #expect(alike.map(\.document.id) == expected(others, own, 10, 0.4).map(\.id))
    }

    @Test(
        "a hybrid of three rankings: words have 1 - alpha, documents and passages share alpha",
        arguments: SearchRequest.Fusion.Kind.allCases)
    func hybrid(kind: SearchRequest.Fusion.Kind) async throws {
        var random = SeededGenerator(seed: 8530)
        let store = try openStore(folder.path())
        let drafts = try drafts(90, &random)
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        let (alpha, weight) = (0.6, 0.25)
        func ranking(_ score: (DocumentDraft) -> Double) -> [(id: String, score: Double)] {
            drafts.map { ($0.id, score($0)) }.sorted { a, b in
                a.1 != b.1 ? a.1 > b.1 : a.0.utf8.lexicographicallyPrecedes(b.0.utf8)
            }
        }
        let words = try await store.search(
            SearchRequest(query: .text("graph цена"), model: fingerprint, topK: 100))
        let parts = [
            (ranking { self.cosines($0, query).own }, alpha * (1 - weight), nil),
            (ranking { self.cosines($0, query).best }, alpha * weight, nil),
            (words.map { ($0.document.id, $0.score) }, 1 - alpha, 0.0),
        ]
        var scores: [String: Double] = [:]
        for (ranking, weight, least) in parts {
            let low = least ?? ranking.last?.score ?? 0
            for (index, entry) in ranking.enumerated() {
                let worth =
                    kind == .reciprocalRank
                    ? 2 / Double(3 + index + 1) : (entry.score - low) / (ranking[0].score - low)
                scores[entry.id, default: 0] += weight * worth
            }
        }
        let hits = try await store.search(
            SearchRequest(
                query: .hybrid(text: "graph цена", vector: query), model: fingerprint,
                fusion: try #require(
                    SearchRequest.Fusion(
                        kind, rankConstant: kind == .reciprocalRank ? 3 : nil, alpha: alpha)),
                topK: 25, scope: .documentsByPassages(weight: weight)))
        let wanted = scores.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        #expect(hits.map(\.document.id) == wanted.prefix(25).map(\.key))
        for (hit, wanted) in zip(hits, wanted) { #expect(abs(hit.score - wanted.value) < 1e-12) }
        #expect(hits.contains { $0.passage != nil } && hits.contains { $0.passage == nil })
    }
}
