import Foundation
import GRDB

/// One search, on one connection and within one transaction.
struct SearchRun {
    let request: SearchRequest
    let db: Database
    let path: String
    let images: VectorImages
    let threads: Int

    /// An image is ahead of the transaction: begin another.
    struct IsOld: Error {}

    /// A row of a ranking before its document is read.
    struct Ranked {
        let document: Int64
        /// The passage's row number; nil for a document.
        let passage: Int64?
        let name: String
        let score: Double

        /// Better ones first, ties by id and place in the text.
        static func precedes(_ a: Ranked, _ b: Ranked) -> Bool {
            if a.score != b.score { return a.score > b.score }
            return a.document != b.document
                ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
                : (a.passage ?? 0) < (b.passage ?? 0)
        }
    }

    /// A hit before its document is read.
    struct Found {
        /// With the score that hits are sorted by.
        var ranked: Ranked
        var byVector: SearchHit.Placing?
        var byPassage: SearchHit.Placing?
        var byText: SearchHit.Placing?
    }

    /// The hits; nil when the transaction is older than an image: begin another.
    func run() throws -> [SearchHit]? {
        do {
            return try hits(found())
        } catch is IsOld {
            return nil
        }
    }

    private func found() throws -> [Found] {
        switch request.query {
        case .vector(let vector): return try nearest(to: vector)
        case .like(let id):
            guard let vector = try vector(of: id) else {
                throw try row(of: id) == nil
                    ? StoreError.noSuchDocument(id: id) : StoreError.noVector(id: id)
            }
            return try nearest(to: vector, without: id)
        case .text(let text):
            return Self.placed(try bestText(text, limit: request.topK)).map {
                Found(ranked: $0, byText: $1)
            }
        case .hybrid(let text, let vector):
            return try fuse(
                rankings(by: vector, limit: depth), try bestText(text, limit: depth))
        }
    }

    private func nearest(to vector: [Float], without excluded: String? = nil) throws -> [Found] {
        if case .documentsByPassages(let weight) = request.scope {
            return try nearestByBoth(to: vector, weight: weight, without: excluded)
        }
        let field = try field(request.scope.rows, of: vector, without: excluded)
        return Self.placed(try field?.nearest(request.topK) ?? []).map {
            Found(ranked: $0, byVector: $1)
        }
    }

    /// The rows of a ranking with their places in it.
    static func placed(_ ranking: [Ranked]) -> [(Ranked, SearchHit.Placing)] {
        ranking.enumerated().map { ($1, SearchHit.Placing(rank: $0 + 1, score: $1.score)) }
    }

    /// The same by document, of a ranking that has each once.
    static func places(_ ranking: [Ranked]) -> [Int64: (Ranked, SearchHit.Placing)] {
        Dictionary(uniqueKeysWithValues: placed(ranking).map { ($0.0.document, $0) })
    }

    /// How deep rankings that are joined are read, at first.
    var depth: Int { max(100, min(request.topK, 1 << 20) * 4) }

    // MARK: Hybrids

    /// The rankings by vectors that a hybrid joins.
    private struct VectorRankings {
        var own: [Ranked] = []
        var passages: [Ranked] = []
        /// What the second has of the weight of both.
        var weight = 0.0
    }

    private func rankings(by vector: [Float], limit: Int) throws -> VectorRankings {
        guard let field = try field(request.scope.rows, of: vector) else { return VectorRankings() }
        let own = try field.nearest(limit)
        guard case .documentsByPassages(let weight) = request.scope else {
            return VectorRankings(own: own)
        }
        let passages = try self.field(.passages, of: vector)?.bestOfDocuments(limit, beside: own)
        return VectorRankings(own: own, passages: passages ?? own, weight: weight)
    }

    /// A scale for the scores of a ranking, from 0 to 1: see `SearchRequest.Fusion`.
    private struct Scale {
        let low: Double
        let high: Double

        /// - Parameter missing: the score of what is not in the ranking; nil where that is not known, and
        ///   may be as good as the last that is.
        init(_ ranking: [Ranked], missing: Double?) {
            high = ranking.first?.score ?? 0
            low = missing ?? ranking.last?.score ?? 0
        }

        func place(_ score: Double) -> Double { high > low ? (score - low) / (high - low) : 1 }
    }

    /// Joins rankings: passages do not meet, their documents do. A passage has its document's place among
    /// the texts; a document that only its text brought in comes without a passage.
    private func fuse(_ byVector: VectorRankings, _ byText: [Ranked]) -> [Found] {
        let fusion = request.fusion
        let weights = (
            own: fusion.alpha * (1 - byVector.weight), passage: fusion.alpha * byVector.weight,
            text: 1 - fusion.alpha
        )
        let scales = (
            own: Scale(byVector.own, missing: nil), passage: Scale(byVector.passages, missing: nil),
            // Where all texts that have a word are ranked, the others have no score.
            text: Scale(byText, missing: byText.count < depth ? 0 : nil)
        )
        func worth(_ placing: SearchHit.Placing?, _ weight: Double, _ scale: Scale) -> Double? {
            guard weight > 0, let placing, let rank = placing.rank else { return nil }
            return switch fusion.worth {
            case .reciprocalRank(let constant): 2 * weight / Double(constant + rank)
            case .relativeScore: weight * scale.place(placing.score)
            }
        }
        let (passages, texts) = (Self.places(byVector.passages), Self.places(byText))
        var rows = Self.placed(byVector.own).map { Found(ranked: $0, byVector: $1) }
        var known = Set(byVector.own.map(\.document))
        for ranked in byVector.passages + byText where known.insert(ranked.document).inserted {
            rows.append(Found(ranked: ranked))
        }
        let found = rows.compactMap { row -> Found? in
            var found = row
            let document = row.ranked.document
            let best = passages[document]
            found.byPassage = best?.1
            found.byText = texts[document]?.1
            let worths = [
                worth(found.byVector, weights.own, scales.own),
                worth(found.byPassage, weights.passage, scales.passage),
                worth(found.byText, weights.text, scales.text),
            ].compactMap { $0 }
            // What has no place in a ranking of any weight is no hit.
            guard !worths.isEmpty else { return nil }
            found.ranked = Ranked(
                document: document, passage: row.ranked.passage ?? best?.0.passage,
                name: row.ranked.name, score: worths.reduce(0, +))
            return found
        }
        return Array(found.sorted { Ranked.precedes($0.ranked, $1.ranked) }.prefix(request.topK))
    }

    // MARK: Words

    private func bestText(_ text: String, limit: Int) throws -> [Ranked] {
        guard let match = TextQuery(text).match else { return [] }
        var sql = Fragment(
            sql: """
                SELECT d.id, d.name, -bm25(text_index) AS score
                FROM text_index JOIN document AS d ON d.id = text_index.rowid
                WHERE text_index MATCH ?
                """,
            values: [match])
        if let filter = request.filter {
            sql.append(Fragment(sql: " AND "))
            sql.append(filter.condition(on: "d.id"))
        }
        sql.append(Fragment(sql: " ORDER BY score DESC, d.name LIMIT ?", values: [limit]))
        return try Row.fetchAll(db, sql: sql.sql, arguments: sql.arguments).map { row in
            guard let document = Int64.fromDatabaseValue(row[0]),
                let name = String.fromDatabaseValue(row[1]),
                let score = Double.fromDatabaseValue(row[2])
            else { throw StoreError.damagedRow(path: path, detail: "a document has a wrong type") }
            return Ranked(document: document, passage: nil, name: name, score: score)
        }
    }
}
