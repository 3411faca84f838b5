import GRDB

/// The documents of what was found.
extension SearchRun {
    /// Reads what was found, each document once, however many of its passages are there.
    func hits(_ found: [Found]) throws -> [SearchHit] {
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
                    document: document, passage: passage, score: found.ranked.score,
                    byVector: found.byVector, byPassage: found.byPassage, byText: found.byText))
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
            throw StoreError.damagedRow(path: path, detail: "a passage has no place")
        }
        return place
    }

    /// The vector of a document, if this model has encoded it.
    func vector(of id: String) throws -> [Float]? {
        let reader = try DocumentReader(
            db, path: path, parts: .vector, fingerprint: request.model)
        return try reader.find(id)?.encoding?.vector
    }

    /// The row number of the document with this id.
    func row(of name: String) throws -> Int64? {
        guard DocumentDraft.isName(name) else { return nil }
        return try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM document WHERE name = ?"), arguments: [name])
    }

    /// The id of the document with this row number.
    func name(_ document: Int64) throws -> String {
        try DocumentReader.name(ofRow: document, in: db)
    }
}
