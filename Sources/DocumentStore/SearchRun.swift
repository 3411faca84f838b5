import Foundation
import GRDB
import Kernels
import Synchronization

/// One search, on one connection and within one transaction.
struct SearchRun {
    let request: SearchRequest
    let db: Database
    let path: String
    let images: VectorImages
    let threads: Int

    /// How deep each ranking of a hybrid goes.
    private var fusionDepth: Int { max(100, min(request.topK, 1 << 20) * 4) }

    /// A row of a ranking before its document is read.
    private struct Ranked {
        let document: Int64
        /// The passage's row number; nil for a document.
        let passage: Int64?
        let name: String
        let score: Double
    }

    /// A hit before its document is read.
    private struct Found {
        let ranked: Ranked
        let score: Double
        var byVector: SearchHit.Placing?
        var byText: SearchHit.Placing?
    }

    /// What two rankings are joined by: passages do not meet, their documents do.
    private typealias Identity = Int64

    /// The hits; nil when the transaction is older than an image: begin another.
    func run() throws -> [SearchHit]? {
        switch request.query {
        case .vector(let vector):
            guard let ranking = try nearest(to: vector, limit: request.topK) else { return nil }
            return try hits(Self.found(byVector: ranking))
        case .like(let id):
            guard let vector = try vector(of: id) else {
                throw try row(of: id) == nil
                    ? StoreError.noSuchDocument(id: id) : StoreError.noVector(id: id)
            }
            guard let ranking = try nearest(to: vector, limit: request.topK, without: id) else {
                return nil
            }
            return try hits(Self.found(byVector: ranking))
        case .text(let text):
            let ranking = try bestText(text, limit: request.topK)
            return try hits(
                ranking.enumerated().map { index, ranked in
                    Found(
                        ranked: ranked, score: ranked.score,
                        byText: SearchHit.Placing(rank: index + 1, score: ranked.score))
                })
        case .hybrid(let text, let vector):
            guard let byVector = try nearest(to: vector, limit: fusionDepth) else { return nil }
            return try hits(fuse(byVector, try bestText(text, limit: fusionDepth)))
        }
    }

    private static func found(byVector ranking: [Ranked]) -> [Found] {
        ranking.enumerated().map { index, ranked in
            Found(
                ranked: ranked, score: ranked.score,
                byVector: SearchHit.Placing(rank: index + 1, score: ranked.score))
        }
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

    /// Joins two rankings. A passage has its document's place among the texts; a document that only its
    /// text brought in comes without a passage.
    private func fuse(_ byVector: [Ranked], _ byText: [Ranked]) -> [Found] {
        let vectorScale = Scale(byVector, missing: nil)
        // Where all texts that have a word are ranked, the others have no score.
        let textScale = Scale(byText, missing: byText.count < fusionDepth ? 0 : nil)
        let fusion = request.fusion
        func worth(_ placing: SearchHit.Placing?, _ weight: Double, _ scale: Scale) -> Double {
            guard let placing else { return 0 }
            return switch fusion.worth {
            case .reciprocalRank(let constant): 2 * weight / Double(constant + placing.rank)
            case .relativeScore: weight * scale.place(placing.score)
            }
        }
        func joined(
            _ ranked: Ranked, _ vector: SearchHit.Placing?, _ text: SearchHit.Placing?
        ) -> Found {
            Found(
                ranked: ranked,
                score: worth(vector, fusion.alpha, vectorScale)
                    + worth(text, 1 - fusion.alpha, textScale), byVector: vector, byText: text)
        }
        var texts: [Identity: SearchHit.Placing] = [:]
        for (index, ranked) in byText.enumerated() {
            texts[ranked.document] = SearchHit.Placing(rank: index + 1, score: ranked.score)
        }
        var found = byVector.enumerated().map { index, ranked in
            joined(
                ranked, SearchHit.Placing(rank: index + 1, score: ranked.score),
                texts[ranked.document])
        }
        let known = Set(byVector.map(\.document))
        found += byText.filter { !known.contains($0.document) }.map {
            joined($0, nil, texts[$0.document])
        }
        found.removeAll {
            (fusion.alpha == 0 && $0.byText == nil) || (fusion.alpha == 1 && $0.byVector == nil)
        }
        found.sort { a, b in
            a.score != b.score ? a.score > b.score : Self.precedes(a.ranked, b.ranked)
        }
        return Array(found.prefix(request.topK))
    }

    private static func precedes(_ a: Ranked, _ b: Ranked) -> Bool {
        a.document != b.document
            ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
            : (a.passage ?? 0) < (b.passage ?? 0)
    }

    // MARK: Rankings

    private func nearest(
        to vector: [Float], limit: Int, without excluded: String? = nil
    ) throws -> [Ranked]? {
        guard !vector.isEmpty, vector.allSatisfy(\.isFinite) else {
            throw StoreError.invalid(
                field: "embedding", reason: "expected one finite number or more")
        }
        guard let model = try EncodingTable.existingModel(Data(request.model), in: db) else {
            return []
        }
        let rows: VectorImage.Key.Rows = request.scope == .documents ? .documents : .passages
        let image = images.image(
            VectorImage.Key(model: model, columns: vector.count, rows: rows), path: path)
        guard let snapshot = try image.snapshot(db) else { return nil }
        var allowed: RowMask?
        if let filter = request.filter {
            guard let rows = try self.rows(passing: filter, snapshot, image) else { return nil }
            allowed = rows
        }
        let matches = VectorScan.nearest(
            to: vector, in: snapshot.vectors, topK: limit,
            mask: try mask(snapshot, allowed, without: excluded), threads: threads)
        let isPassage = rows == .passages
        let ranked = try matches.map { match in
            let document = snapshot.documents[match.row]
            return Ranked(
                document: document, passage: isPassage ? snapshot.items[match.row] : nil,
                name: try name(document), score: match.score)
        }
        let ordered = ranked.sorted { a, b in
            a.score != b.score ? a.score > b.score : Self.precedes(a, b)
        }
        return Array(ordered.prefix(limit))
    }

    /// The rows whose documents pass; nil when what is in memory is ahead of the transaction.
    private func rows(
        passing filter: MetadataFilter, _ snapshot: VectorImage.Snapshot, _ image: VectorImage
    ) throws -> RowMask? {
        if let known = image.masks.withLock({ $0.find(filter, snapshot) }) { return known }
        let segments = try image.metadata.withLock {
            try $0.segments(for: snapshot, db, path: path)
        }
        guard let segments else { return nil }
        let look = FilterLook(snapshot: snapshot, segments: segments, db: db)
        let rows = try look.rows(passing: filter)
        image.masks.withLock { $0.keep(rows, for: filter, snapshot) }
        return rows
    }

    /// The rows that take part; nil is all.
    /// - Parameter allowed: those alive that pass the filter; nil when there is none.
    private func mask(
        _ snapshot: VectorImage.Snapshot, _ allowed: RowMask?, without excluded: String?
    ) throws -> RowMask? {
        var mask = allowed ?? (snapshot.deadCount > 0 ? snapshot.alive : nil)
        if case .passages(let granularity?) = request.scope {
            var wanted = snapshot.granularities[granularity] ?? RowMask(count: 0)
            wanted.grow(to: snapshot.vectors.count)
            if let mask { wanted.formIntersection(mask) }
            mask = wanted
        }
        if let excluded, let document = try row(of: excluded) {
            var rest = mask ?? snapshot.alive
            if let slot = snapshot.slots[document] {
                for row in snapshot.rows(ofSlot: slot) { rest[row] = false }
            }
            mask = rest
        }
        return mask
    }

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
            else { throw StoreError.corrupt(path: path, detail: "a document has a wrong type") }
            return Ranked(document: document, passage: nil, name: name, score: score)
        }
    }

    // MARK: Documents

    /// Reads what was found, each document once, however many of its passages are there.
    private func hits(_ found: [Found]) throws -> [SearchHit] {
        let reader = try DocumentReader(
            db, path: path, parts: request.parts, fingerprint: request.model)
        var documents: [Int64: StoredDocument] = [:]
        var places: [Int64: [Int]] = [:]
        var hits: [SearchHit] = []
        var bytes = 0
        for found in found {
            let row = found.ranked.document
            guard let document = try documents[row] ?? reader.find(row: row) else { continue }
            documents[row] = document
            let passage = try found.ranked.passage.flatMap(passage)
            // Each hit is written with all that is included of its document.
            bytes += document.estimatedBytes + (passage.map { $0.end - $0.start } ?? 0)
            guard bytes < StoredDocument.answerLimit || hits.isEmpty else {
                throw StoreError.invalid(
                    field: "top_k",
                    reason:
                        "what is included of the first \(hits.count + 1) hits has more than "
                        + "\(StoredDocument.answerLimit) bytes; ask for fewer, or for less of each")
            }
            if passage != nil { places[row, default: []].append(hits.count) }
            hits.append(
                SearchHit(
                    document: document, passage: passage, score: found.score,
                    byVector: found.byVector, byText: found.byText))
        }
        for (row, places) in places {
            guard let document = documents[row] else { continue }
            let text = try document.text ?? reader.text(of: document, row: row)
            let parts = PassageText.cut(
                places.compactMap { place in hits[place].passage.map { $0.start..<$0.end } },
                outOf: text)
            for (place, part) in zip(places, parts) { hits[place].passageText = part }
        }
        return hits
    }

    private func passage(_ id: Int64) throws -> PassageReference? {
        let statement = try db.cachedStatement(
            sql: "SELECT granularity, start_at, end_at FROM passage WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id]) else { return nil }
        guard let place = PassageReference(row) else {
            throw StoreError.corrupt(path: path, detail: "a passage has no place")
        }
        return place
    }

    private func vector(of id: String) throws -> [Float]? {
        let reader = try DocumentReader(
            db, path: path, parts: .vector, fingerprint: request.model)
        return try reader.find(id)?.encoding?.vector
    }

    private func row(of name: String) throws -> Int64? {
        guard DocumentDraft.isName(name) else { return nil }
        return try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM document WHERE name = ?"), arguments: [name])
    }

    private func name(_ document: Int64) throws -> String {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT name FROM document WHERE id = ?"),
            arguments: [document]) ?? ""
    }
}
