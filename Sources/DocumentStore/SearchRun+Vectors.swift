import Foundation
import GRDB
import Kernels
import Synchronization

extension SearchRequest.Scope {
    /// The vectors that are compared first.
    var rows: VectorImage.Key.Rows {
        if case .passages = self { .passages } else { .documents }
    }
}

/// Rankings by vectors.
extension SearchRun {
    /// The vectors that a search compares with one: those of an image that take part.
    struct Field {
        let run: SearchRun
        let query: [Float]
        let rows: VectorImage.Key.Rows
        let snapshot: VectorImage.Snapshot
        /// The rows that take part; nil is all.
        let mask: RowMask?

        /// The nearest rows by cosine, best first.
        func nearest(_ limit: Int) throws -> [Ranked] {
            let ranked = try matches(limit, mask).map(ranked).sorted(by: Ranked.precedes)
            return Array(ranked.prefix(limit))
        }

        /// Documents by their best passage, best first.
        /// - Parameter beside: the nearest documents by their own vectors, as many: one without
        ///   passages counts as one.
        func bestOfDocuments(_ limit: Int, beside own: [Ranked]) throws -> [Ranked] {
            let passages = try bestMatches(limit).map(ranked)
            let ranked = (passages + own.filter { snapshot.slots[$0.document] == nil })
                .sorted(by: Ranked.precedes)
            return Array(ranked.prefix(limit))
        }

        /// The best row of each of the best `limit` documents, and of those that are as good as the last.
        private func bestMatches(_ limit: Int) throws -> [VectorScan.Match] {
            var depth = limit
            while true {
                // A document's passages take places from others.
                depth = min(depth, Int.max / 4) * 4
                let matches = matches(depth, mask)
                var seen: Set<Int64> = []
                let best = matches.filter { seen.insert(snapshot.documents[$0.row]).inserted }
                if best.count >= limit || matches.count < depth { return best }
            }
        }

        /// The best of each of these documents' rows, whatever the rank.
        func best(of documents: some Sequence<Int64>) throws -> [Ranked] {
            var wanted = RowMask(count: snapshot.vectors.count)
            var count = 0
            for document in documents {
                guard let slot = snapshot.slots[document] else { continue }
                wanted.insert(snapshot.rows(ofSlot: slot))
                count += snapshot.rows(ofSlot: slot).count
            }
            guard count > 0 else { return [] }
            var seen: Set<Int64> = []
            return try matches(count, wanted)
                .filter { seen.insert(snapshot.documents[$0.row]).inserted }.map(ranked)
        }

        private func matches(_ limit: Int, _ mask: RowMask?) -> [VectorScan.Match] {
            VectorScan.nearest(
                to: query, in: snapshot.vectors, topK: limit, mask: mask, threads: run.threads)
        }

        private func ranked(_ match: VectorScan.Match) throws -> Ranked {
            let document = snapshot.documents[match.row]
            return Ranked(
                document: document, passage: rows == .passages ? snapshot.items[match.row] : nil,
                name: try run.name(document), score: match.score)
        }
    }

    /// What takes part of an image; nil where the model has no vectors.
    func field(
        _ rows: VectorImage.Key.Rows, of query: [Float], without excluded: String? = nil
    ) throws -> Field? {
        guard !query.isEmpty, query.allSatisfy(\.isFinite) else {
            throw StoreError.invalid(
                field: "embedding", reason: "expected one finite number or more")
        }
        guard let model = try EncodingTable.existingModel(Data(request.model), in: db) else {
            return nil
        }
        let image = images.image(
            VectorImage.Key(model: model, columns: query.count, rows: rows), path: path)
        guard let snapshot = try image.snapshot(db) else { throw IsOld() }
        let allowed = try request.filter.map { try self.rows(passing: $0, snapshot, image) }
        return Field(
            run: self, query: query, rows: rows, snapshot: snapshot,
            mask: try mask(snapshot, allowed, without: excluded))
    }

    /// The rows whose documents pass.
    private func rows(
        passing filter: MetadataFilter, _ snapshot: VectorImage.Snapshot, _ image: VectorImage
    ) throws -> RowMask {
        if let known = image.masks.withLock({ $0.find(filter, snapshot) }) { return known }
        let segments = try image.metadata.withLock {
            try $0.segments(for: snapshot, db, path: path)
        }
        guard let segments else { throw IsOld() }
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

    // MARK: Documents by two vectors

    /// The best documents by (1 - w) d + w p: see `SearchRequest.Scope.documentsByPassages`.
    ///
    /// Both rankings are read to some depth, and what is in either gets its exact score. A document in
    /// neither has no d and no p above the last ones read, so it is looked further only while that
    /// could still be a hit (Fagin's threshold algorithm).
    func nearestByBoth(
        to query: [Float], weight: Double, without excluded: String?
    ) throws -> [Found] {
        guard let owns = try field(.documents, of: query, without: excluded),
            let passages = try field(.passages, of: query, without: excluded)
        else { return [] }
        var depth = depth
        while true {
            let own = try owns.nearest(depth)
            let best = try passages.bestOfDocuments(depth, beside: own)
            let found = try scored(own, best, owns, passages, weight: weight)
            guard own.count == depth, let lastOwn = own.last?.score,
                let lastBest = best.last?.score
            else { return Array(found.prefix(request.topK)) }
            var bound = (1 - weight) * lastOwn + weight * lastBest
            // Of one without passages, p is d.
            if passages.snapshot.slots.count < owns.snapshot.slots.count {
                bound = max(bound, lastOwn)
            }
            if found.count >= request.topK, found[request.topK - 1].ranked.score > bound {
                return Array(found.prefix(request.topK))
            }
            depth *= 4
        }
    }

    /// The documents of two rankings, best first.
    private func scored(
        _ own: [Ranked], _ best: [Ranked], _ owns: Field, _ passages: Field, weight: Double
    ) throws -> [Found] {
        var (byVector, byPassage) = (Self.places(own), Self.places(best))
        func add(_ rows: [Ranked], to places: inout [Int64: (Ranked, SearchHit.Placing)]) {
            for row in rows {
                places[row.document] = (row, SearchHit.Placing(rank: nil, score: row.score))
            }
        }
        add(
            try owns.best(of: best.map(\.document).filter { byVector[$0] == nil }), to: &byVector)
        add(
            try passages.best(of: own.map(\.document).filter { byPassage[$0] == nil }),
            to: &byPassage)
        return byVector.map { document, own in
            let best = byPassage[document] ?? own
            let hasPassage = best.0.passage != nil
            return Found(
                ranked: Ranked(
                    document: document, passage: best.0.passage, name: own.0.name,
                    score: hasPassage
                        ? (1 - weight) * own.0.score + weight * best.0.score : own.0.score),
                byVector: own.1, byPassage: best.1)
        }
        .sorted { Ranked.precedes($0.ranked, $1.ranked) }
    }
}
