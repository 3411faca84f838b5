import DocumentStore
import Foundation
import TestSupport
import Testing

/// Search by words, and both ways joined.
struct TextSearchTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func store(
        _ texts: [String: String], tokenizer: TextIndexTokenizer? = nil
    ) async throws -> EncodingStore {
        var random = SeededGenerator(seed: 91)
        let store = try openStore(folder.path(), options: StoreOptions(tokenizer: tokenizer))
        let drafts = try texts.sorted { $0.key < $1.key }.map { id, text in
            var draft = try random.draft(id, metadata: ["id": .string(id)])
            draft.text = text
            return draft
        }
        _ = try await store.put(drafts, model: fingerprint)
        return store
    }

    private func ids(
        _ store: EncodingStore, _ text: String, filter: MetadataFilter? = nil
    ) async throws -> [String] {
        try await store.search(
            SearchRequest(query: .text(text), model: fingerprint, filter: filter)
        ).map(\.document.id)
    }

    @Test("words in any case, with or without accents; phrases; rare words count more")
    func words() async throws {
        let store = try await store([
            "a": "The river runs past the old mill.", "b": "An old river, an old boat.",
            "c": "Le café du vieux moulin", "d": "Mill old the; river.",
        ])
        #expect(Set(try await ids(store, "RIVER")) == ["a", "b", "d"])
        #expect(try await ids(store, "Cafe") == ["c"])
        #expect(try await ids(store, "\"old mill\"") == ["a"])
        #expect(try await ids(store, "boat river").first == "b")
        #expect(try await ids(store, "nothing").isEmpty)
        let filter = try MetadataFilter(.object(["id": .object(["$ne": .string("b")])]))
        #expect(Set(try await ids(store, "river", filter: filter)) == ["a", "d"])
    }

    @Test("scores are BM25's: larger is better, equal texts stand by id")
    func scores() async throws {
        let store = try await store(["b": "one two", "a": "one two", "c": "one three four five"])
        let hits = try await store.search(
            SearchRequest(query: .text("one"), model: fingerprint))
        #expect(hits.map(\.document.id) == ["a", "b", "c"])
        #expect(hits[0].score == hits[1].score && hits[1].score > hits[2].score)
        #expect(hits.map(\.byText?.rank) == [1, 2, 3] && hits.allSatisfy { $0.byVector == nil })
    }

    @Test("Porter's stems are a choice, and the choice can change")
    func stems() async throws {
        var store = try await store(["a": "running rivers"], tokenizer: .porter)
        #expect(try await ids(store, "runs river") == ["a"])
        store.close()
        store = try openStore(folder.path())
        #expect(try await ids(store, "river") == ["a"])
        store.close()
        store = try openStore(folder.path(), options: StoreOptions(tokenizer: .unicode61))
        #expect(try await ids(store, "river").isEmpty)
        #expect(try await ids(store, "rivers") == ["a"])
    }

    @Test("no text is a syntax error", arguments: 0..<3)
    func anyText(seed: Int) async throws {
        let store = try await store(["a": "AND OR NOT NEAR text col \u{1F600} 3.14"])
        var random = SeededGenerator(seed: UInt64(9000 + seed))
        let pieces = [
            "\"", "\"\"", "'", "*", "^", "(", ")", "{", "}", ":", "-", "+", "AND", "OR", "NOT",
            "NEAR(", "text:", "a", "é", "\0", "\u{FFFD}", "\u{1F600}", " ", ",", ";", "\\", "3.14",
            "\u{301}", "\u{200D}", "\n",
        ]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 0...12, using: &random))
                .compactMap { _ in pieces.randomElement(using: &random) }.joined()
            _ = try await ids(store, text)
        }
        #expect(try await ids(store, "NOT") == ["a"])
        let long = (0..<5000).map { "w\($0)" }.joined(separator: " ")
        #expect(try await ids(store, long).isEmpty)
        #expect(try await ids(store, "\"" + long + "\"").isEmpty)
    }

    @Test("a replaced text is found by its new words only")
    func replaced() async throws {
        let store = try await store(["a": "old words", "b": "other"])
        var random = SeededGenerator(seed: 92)
        var draft = try random.draft("a")
        draft.text = "new letters"
        _ = try await store.put([draft], model: fingerprint)
        #expect(try await ids(store, "old").isEmpty)
        #expect(try await ids(store, "letters") == ["a"])
    }

    private func search(
        _ store: EncodingStore, _ query: SearchRequest.Query, _ topK: Int,
        fusion: SearchRequest.Fusion = .usual
    ) async throws -> [SearchHit] {
        try await store.search(
            SearchRequest(query: query, model: fingerprint, fusion: fusion, topK: topK))
    }

    @Test(
        "hybrid: the sum of 1 / (60 + rank), with both ranks and scores to explain it",
        arguments: [nil, 1, 5, 1_000_000] as [Int?], [nil, 0, 0.25, 0.6, 1] as [Double?])
    func hybrid(constant: Int?, alpha: Double?) async throws {
        var random = SeededGenerator(seed: 93)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(60)
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        let byVector = try await search(store, .vector(query), 100).map(\.document.id)
        let byText = try await search(store, .text("graph цена"), 100).map(\.document.id)
        let fusion = try #require(
            SearchRequest.Fusion(nil, rankConstant: constant, alpha: alpha))
        let weight = alpha ?? 0.5
        let hits = try await search(
            store, .hybrid(text: "graph цена", vector: query), 20, fusion: fusion)
        var scores: [String: Double] = [:]
        for (ranking, weight) in [(byVector, weight), (byText, 1 - weight)] where weight > 0 {
            for (index, id) in ranking.enumerated() {
                scores[id, default: 0] += 2 * weight / Double((constant ?? 60) + 1 + index)
            }
        }
        let expected = scores.sorted {
            $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key
        }.prefix(20)
        #expect(hits.map(\.document.id) == expected.map(\.key))
        for hit in hits {
            #expect(abs(hit.score - (scores[hit.document.id] ?? 0)) < 1e-15)
            let place = byVector.firstIndex(of: hit.document.id)
            #expect(hit.byVector?.rank == place.map { $0 + 1 })
            #expect(hit.byText?.rank == byText.firstIndex(of: hit.document.id).map { $0 + 1 })
        }
    }

    @Test(
        "hybrid by relative scores: the mean of both, each on a scale from 0 to 1",
        arguments: [nil, 0.25, 0.6] as [Double?])
    func relativeScores(alpha: Double?) async throws {
        var random = SeededGenerator(seed: 94)
        let store = try openStore(folder.path())
        // More than a ranking of a hybrid is deep, so that some are in neither.
        let drafts = try random.drafts(300)
        _ = try await store.put(drafts, model: fingerprint)
        let vector = random.floats(8)
        let fusion = try #require(SearchRequest.Fusion(.relativeScore, alpha: alpha))
        let weight = alpha ?? 0.5
        for words in ["graph цена", "graph", "nowhere"] {
            let byVector = try await search(store, .vector(vector), 100)
            let byText = try await search(store, .text(words), 100)
            let least = byText.count < 100 ? 0 : byText[99].score
            var scores: [String: Double] = [:]
            for hit in byVector {
                let (best, last) = (byVector[0].score, byVector[99].score)
                scores[hit.document.id, default: 0] += weight * (hit.score - last) / (best - last)
            }
            for hit in byText {
                scores[hit.document.id, default: 0] +=
                    (1 - weight) * (hit.score - least) / (byText[0].score - least)
            }
            let hits = try await search(
                store, .hybrid(text: words, vector: vector), 25, fusion: fusion)
            #expect(hits.map(\.score) == hits.map(\.score).sorted(by: >) && hits.count == 25)
            let expected = scores.values.sorted(by: >).prefix(25)
            for (hit, best) in zip(hits, expected) {
                #expect(abs(hit.score - best) < 1e-12)
                #expect(abs(hit.score - (scores[hit.document.id] ?? 0)) < 1e-12)
            }
        }
    }

    @Test("of a hybrid whose one ranking has no weight, the hits are those of the other")
    func oneSided() async throws {
        var random = SeededGenerator(seed: 95)
        let store = try openStore(folder.path())
        _ = try await store.put(try random.drafts(100), model: fingerprint)
        let vector = random.floats(8)
        for kind in SearchRequest.Fusion.Kind.allCases {
            let byWords = try await search(
                store, .hybrid(text: "graph", vector: vector), 200,
                fusion: try #require(SearchRequest.Fusion(kind, alpha: 0)))
            let words = try await search(store, .text("graph"), 200)
            #expect(!words.isEmpty && words.count < 100)
            #expect(byWords.map(\.document.id) == words.map(\.document.id))
            let byMeaning = try await search(
                store, .hybrid(text: "graph", vector: vector), 200,
                fusion: try #require(SearchRequest.Fusion(kind, alpha: 1)))
            let meaning = try await search(store, .vector(vector), 200)
            #expect(byMeaning.map(\.document.id) == meaning.map(\.document.id))
        }
    }
}
