import DocumentStore
import Foundation
import Logging

/// Times searches through a store's file, and compares some of their answers with a full sort.
struct StoreSearchBench: Sendable {
    let path: String
    let vectors: SampleVectors
    let documents: Int
    /// Of each document; 0 searches documents.
    let passages: Int
    let topK: Int
    let threads: Int
    let queries: Int
    let checks: Int

    private static let model = [UInt8](repeating: 1, count: 32)
    private static let batch = 2000

    func run() async throws {
        try await prepare()
        var start = ContinuousClock.now
        let store = try open()
        defer { store.close() }
        try report("opened in", start)
        let before = MemoryUse.resident()
        start = .now
        _ = try await store.search(request(query(0)))
        try report("first search, which reads the vectors,", start)
        let between = MemoryUse.resident()
        start = .now
        _ = try await store.search(request(query(0), FilterCase.all[0].filter(queries)))
        try report("first with a filter, which reads the metadata,", start)
        let after = MemoryUse.resident()
        try StandardOutput.print(
            "memory: \((between - before) / rows) bytes a vector, "
                + "\((after - between) / documents) bytes a document for metadata")
        try await timeSearches(store)
        try await timeWrites(store)
        if checks > 0 {
            try StandardOutput.print("as a full sort: \(min(checks, queries)) answers of each kind")
        }
    }

    private var rows: Int { documents * max(1, passages) }

    private func open() throws -> EncodingStore {
        try EncodingStore.open(
            path: path, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            options: StoreOptions(searchThreads: threads))
    }

    private func report(_ what: String, _ start: ContinuousClock.Instant) throws {
        try StandardOutput.print(
            "\(what) \(SearchTable.text(SearchTimes.milliseconds(since: start))) ms")
    }

    // MARK: The file

    /// Makes the file, or finds that it is one of the same documents.
    private func prepare() async throws {
        let store = try open()
        defer { store.close() }
        let count = try await store.countDocuments()
        if count > 0 {
            let last = try await store.document(
                SampleDocument(documents - 1).id, parts: [.vector, .metadata, .passages],
                model: Self.model)
            let draft = try draft(documents - 1)
            guard count == documents, last?.metadata == draft.metadata,
                last?.encoding?.vector == draft.encoding?.vector,
                last?.encoding?.passages?.count == passages
            else { throw OtherStore(path: path) }
            return
        }
        let start = ContinuousClock.now
        var next = try drafts(from: 0)
        for first in stride(from: 0, to: documents, by: Self.batch) {
            let ready = next
            async let done = store.put(ready, model: Self.model)
            // While those are written.
            next = try drafts(from: first + Self.batch)
            _ = try await done
        }
        try report("made in", start)
    }

    private func drafts(from first: Int) throws -> [DocumentDraft] {
        guard first < documents else { return [] }
        return try (first..<min(first + Self.batch, documents)).map(draft)
    }

    private func draft(_ row: Int) throws -> DocumentDraft {
        let sample = SampleDocument(row)
        return DocumentDraft(
            id: sample.id, text: sample.text, metadata: try DocumentMetadata(sample.metadata),
            encoding: DocumentEncoding(
                tokens: 12, tokensUsed: 12, vector: vectors[row * max(1, passages)],
                passages: (0..<passages).map { index in
                    Passage(
                        granularity: "sentence", start: index, end: index + 1,
                        vector: vectors[row * passages + index])
                }))
    }

    // MARK: Searches

    private func query(_ number: Int) -> [Float] { vectors[rows + number] }

    private func request(_ vector: [Float], _ filter: MetadataFilter? = nil) -> SearchRequest {
        SearchRequest(
            query: .vector(vector), model: Self.model, topK: topK, filter: filter,
            scope: passages > 0 ? .passages(granularity: "sentence") : .documents)
    }

    private func timeSearches(_ store: EncodingStore) async throws {
        let table = try SearchTable([
            "search, ms          ", "passing", "first: median", "slowest", "again: median",
            "slowest",
        ])
        let all = try await time(store, nil, check: { _, _ in true })
        try table.row(
            ["no filter", "100.00 %"] + [all.first, all.again].flatMap(texts))
        for filter in FilterCase.all {
            let times = try await time(store, filter, check: filter.passes)
            let passing = (0..<documents).lazy.filter { filter.passes(SampleDocument($0), 0) }.count
            try table.row(
                [filter.name, SearchTable.text(Double(passing) / Double(documents) * 100) + " %"]
                    + [times.first, times.again].flatMap(texts))
        }
    }

    private func texts(_ times: SearchTimes) -> [String] {
        [SearchTable.text(times.median), SearchTable.text(times.slowest)]
    }

    private func time(
        _ store: EncodingStore, _ filter: FilterCase?,
        check passes: (SampleDocument, Int) -> Bool
    ) async throws -> (first: SearchTimes, again: SearchTimes) {
        var (first, again) = (SearchTimes(), SearchTimes())
        var answers: [[SearchHit]] = []
        for run in 0..<queries {
            let request = try request(query(run), filter?.filter(run))
            var start = ContinuousClock.now
            let hits = try await store.search(request)
            first.add(since: start)
            start = .now
            let same = try await store.search(request)
            again.add(since: start)
            guard same == hits else { throw SearchDifference(kind: "a second search") }
            if run < checks { answers.append(hits) }
        }
        for (hits, wanted) in zip(answers, best(answers.count, passes)) {
            guard hits.count == wanted.count,
                zip(hits, wanted).allSatisfy({ hit, wanted in
                    hit.document.id == SampleDocument(wanted.row / max(1, passages)).id
                        && hit.passage?.start ?? 0 == wanted.row % max(1, passages)
                        && abs(hit.score - wanted.score) < 1e-12
                })
            else { throw SearchDifference(kind: filter?.name ?? "no filter") }
        }
        return (first, again)
    }

    /// The rows with the largest cosines of each of the first queries, by comparing all.
    private func best(
        _ count: Int, _ passes: (SampleDocument, Int) -> Bool
    ) -> [[(row: Int, score: Double)]] {
        let queries = (0..<count).map(query)
        var best = [[(row: Int, score: Double)]](repeating: [], count: count)
        for document in 0..<documents {
            let sample = SampleDocument(document)
            let wanted = queries.indices.filter { passes(sample, $0) }
            if wanted.isEmpty { continue }
            for row in document * max(1, passages)..<(document + 1) * max(1, passages) {
                let vector = vectors[row]
                for index in wanted {
                    let score = SampleVectors.cosine(queries[index], vector)
                    let isFull = best[index].count == topK
                    if isFull, let last = best[index].last, score <= last.score { continue }
                    if isFull { best[index].removeLast() }
                    let place = best[index].firstIndex { $0.score < score } ?? best[index].count
                    best[index].insert((row, score), at: place)
                }
            }
        }
        return best
    }

    // MARK: Writes

    /// Times writes of one document and the searches that follow them, which have to see them.
    private func timeWrites(_ store: EncodingStore) async throws {
        let table = try SearchTable([
            "write and search, ms", "write: median", "slowest", "search: median", "slowest",
        ])
        for (name, isFiltered) in [("put, no filter", false), ("put, filter", true)] {
            var (puts, deletions) = (WriteTimes(), WriteTimes())
            for run in 0..<queries {
                let mark = Int64(isFiltered ? 20_000 : 10_000) + Int64(run)
                let draft = try written(run, mark: mark)
                let request = try request(query(run), isFiltered ? part(mark) : nil)
                let found = try await puts.time(store, request) {
                    _ = try await store.put([draft], model: Self.model)
                }
                let left = try await deletions.time(store, request) {
                    _ = try await store.delete(ids: [draft.id])
                }
                guard found.contains(where: { $0.document.id == draft.id }),
                    !left.contains(where: { $0.document.id == draft.id })
                else { throw SearchDifference(kind: "\(name): a write is not seen") }
            }
            try table.row([name] + texts(puts.writes) + texts(puts.searches))
            try table.row(
                [isFiltered ? "delete, filter" : "delete, no filter"] + texts(deletions.writes)
                    + texts(deletions.searches))
        }
        var changes = WriteTimes()
        for run in 0..<min(queries, documents) {
            let mark = Int64(30_000 + run)
            var draft = try draft(run)
            let metadata = draft.metadata
            draft.encoding = nil
            draft.metadata = try DocumentMetadata(["part": .integer(mark)])
            let hits = try await changes.time(store, request(query(run), part(mark))) {
                [draft] in
                _ = try await store.put([draft], model: Self.model)
            }
            draft.metadata = metadata
            _ = try await store.put([draft], model: Self.model)
            guard Set(hits.map(\.document.id)) == [draft.id] else {
                throw SearchDifference(kind: "changed metadata are not seen")
            }
        }
        try table.row(["metadata, filter"] + texts(changes.writes) + texts(changes.searches))
    }

    /// A document whose vectors are the query's, so that it stands at the top.
    private func written(_ run: Int, mark: Int64) throws -> DocumentDraft {
        var draft = try draft(run)
        draft.id = "written-\(mark)"
        draft.metadata = try DocumentMetadata(["part": .integer(mark)])
        draft.encoding?.vector = query(run)
        for index in 0..<passages { draft.encoding?.passages[index].vector = query(run) }
        return draft
    }

    private func part(_ value: Int64) throws -> MetadataFilter {
        try MetadataFilter(.object(["part": .integer(value)]))
    }
}

/// Times of writes, and of the searches after them.
private struct WriteTimes {
    var writes = SearchTimes()
    var searches = SearchTimes()

    mutating func time(
        _ store: EncodingStore, _ request: SearchRequest, _ write: () async throws -> Void
    ) async throws -> [SearchHit] {
        var start = ContinuousClock.now
        try await write()
        writes.add(since: start)
        start = .now
        let hits = try await store.search(request)
        searches.add(since: start)
        return hits
    }
}

/// The file has other documents.
private struct OtherStore: Error, CustomStringConvertible {
    let path: String
    var description: String {
        "\(path) has other documents than these options make; name another file"
    }
}
