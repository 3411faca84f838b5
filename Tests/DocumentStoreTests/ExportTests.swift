import Foundation
import GRDB
import TestSupport
import Testing

@testable import DocumentStore

/// Snapshots, the move to another model, and kept states.
struct ExportTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func all(_ export: DocumentExport) async throws -> [StoredDocument] {
        var documents: [StoredDocument] = []
        while true {
            let piece = try await export.next(after: documents.last?.id)
            if piece.documents.isEmpty { return documents }
            documents += piece.documents
        }
    }

    @Test("an export shows one moment, whatever is written while it is read")
    func snapshot() async throws {
        var random = SeededGenerator(seed: 121)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(150, passages: 1)
        _ = try await store.put(drafts, model: fingerprint)
        let export = try await store.export(parts: [.text, .vector, .passages])
        let first = try await export.next(after: nil).documents
        #expect(!first.isEmpty && first.count < 150)
        _ = try await store.delete(ids: (50..<150).map { "d\($0)" })
        _ = try await store.put(try random.drafts(20, prefix: "e"), model: fingerprint)
        let documents = try await all(export)
        let sorted = drafts.sorted { $0.id < $1.id }
        #expect(documents.map(\.id) == sorted.map(\.id))
        #expect(documents.map(\.text) == sorted.map(\.text))
        #expect(documents.map { $0.encoding?.vector } == sorted.map { $0.encoding?.vector })
        #expect(try await export.count() == 150)
        #expect(try await all(try await store.export(parts: [])).count == 70)
    }

    @Test("an export ends that is old while the log is large", arguments: [0, 3600.0])
    func holdingTheLog(age: Double) async throws {
        var random = SeededGenerator(seed: 129)
        var options = StoreOptions()
        (options.exportAge, options.exportLogBytes) = (age, 1_000_000)
        let store = try openStore(folder.path(), options: options)
        _ = try await store.put(try random.drafts(100), model: fingerprint)
        let export = try await store.export(parts: .text)
        let first = try await export.next(after: nil).documents
        #expect(first.count == 64)
        for round in 0..<8 {
            let drafts = try random.drafts(100, prefix: "r\(round)-", columns: 384)
            _ = try await store.put(drafts, model: fingerprint)
        }
        let last = first.last?.id
        guard age == 0 else {
            #expect(try await export.next(after: last).documents.count == 36)
            return
        }
        let error = await storeError { try await export.next(after: last) }
        guard case .other(_, let detail)? = error, detail.hasPrefix("an export was ended") else {
            Issue.record("expected the export to be ended, got \(String(describing: error))")
            return
        }
        // Its snapshot is gone, though it is not.
        _ = try await store.compact()
        #expect(StoreStatistics.size(ofFileAt: folder.path() + "-wal") == 0)
        #expect(await storeError { try await export.count() } == error)
    }

    @Test("an export with a filter")
    func filtered() async throws {
        var random = SeededGenerator(seed: 122)
        let store = try openStore(folder.path())
        let drafts = try (0..<90).map {
            try random.draft("d\($0)", metadata: ["even": .bool($0 % 2 == 0)])
        }
        _ = try await store.put(drafts, model: fingerprint)
        let filter = try MetadataFilter(.object(["even": .bool(true)]))
        let export = try await store.export(where: filter, parts: .metadata)
        #expect(try await all(export).count == 45)
        #expect(try await export.count() == 45)
    }

    @Test("a piece is a step along an index, with a filter and without", arguments: [true, false])
    func plan(isFiltered: Bool) async throws {
        var random = SeededGenerator(seed: 126)
        let store = try openStore(folder.path())
        _ = try await store.put(
            [try random.draft("a", metadata: ["n": .integer(1)])], model: fingerprint)
        store.close()
        let filter = try MetadataFilter(.object(["n": .object(["$gt": .integer(0)])]))
        let plan = try await DatabaseQueue(path: folder.path()).write { db in
            if isFiltered { try DocumentExport.gather(filter, in: db) }
            let piece = DocumentExport.piece(after: "", isFiltered: isFiltered)
            return try Row.fetchAll(
                db, sql: "EXPLAIN QUERY PLAN " + piece.sql, arguments: piece.arguments
            ).map { row in row["detail"] as String }
        }
        #expect(!plan.isEmpty && plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
    }

    @Test("of several models' encodings the one that is asked for is read, or else the newest")
    func models() async throws {
        var random = SeededGenerator(seed: 127)
        let store = try openStore(folder.path())
        _ = try await store.put([try random.draft("a"), try random.draft("b")], model: fingerprint)
        let first = try await store.documentsLacking(model: otherFingerprint, limit: 1)
        _ = try await store.add(
            first.map { Reencoded($0, random.documentEncoding()) }, model: otherFingerprint)
        _ = try await store.put([try random.draft("c")], model: otherFingerprint)
        for (model, orNewest, expected) in [
            (nil, false, [otherFingerprint, fingerprint, otherFingerprint]),
            (fingerprint, false, [fingerprint, fingerprint, nil]),
            (fingerprint, true, [fingerprint, fingerprint, otherFingerprint]),
            (otherFingerprint, true, [otherFingerprint, fingerprint, otherFingerprint]),
            ([UInt8](repeating: 1, count: 32), false, [nil, nil, nil]),
            (
                [UInt8](repeating: 1, count: 32), true,
                [otherFingerprint, fingerprint, otherFingerprint]
            ),
        ] as [([UInt8]?, Bool, [[UInt8]?])] {
            let export = try await store.export(parts: [], model: model, orNewest: orNewest)
            let exported = try await all(export)
            #expect(exported.map { $0.encoding?.fingerprint } == expected)
            let documents = try await store.documents(
                ["a", "b", "c"], parts: [], model: model, orNewest: orNewest)
            #expect(documents == exported)
            if model == nil || orNewest {
                let page = try await store.list(DocumentQuery(parts: [], model: model))
                #expect(page.documents == exported)
            }
        }
    }

    @Test("documents go over to another model step by step; the old one serves until the end")
    func reencoding() async throws {
        var random = SeededGenerator(seed: 123)
        var store = try openStore(folder.path())
        var drafts = try random.drafts(30, passages: 2)
        drafts[3].encoding?.states = TokenStates(
            random.floats(8), columns: 8, offsets: [0..<3], format: .int8)
        _ = try await store.put(drafts, model: fingerprint)
        let query = random.floats(8)
        let request = SearchRequest(query: .vector(query), model: fingerprint, topK: 30)
        let before = try await store.search(request)
        #expect(try await store.finishReencoding(model: otherFingerprint) == false)

        var steps = 0
        while true {
            let pending = try await store.documentsLacking(model: otherFingerprint, limit: 7)
            if pending.isEmpty { break }
            if let third = pending.first(where: { $0.id == "d3" }) {
                #expect(third.text == drafts[3].text)
            }
            let encodings = pending.map { Reencoded($0, random.documentEncoding(columns: 4)) }
            let outcomes = try await store.add(encodings, model: otherFingerprint)
            #expect(outcomes.allSatisfy { $0 })
            steps += 1
            let progress = try await store.reencodingProgress(model: otherFingerprint)
            #expect(progress.done == min(30, steps * 7) && progress.total == 30)
            #expect(try await store.search(request).map(\.score) == before.map(\.score))
            // As after a kill: what is left to do is in the file.
            store.close()
            store = try openStore(folder.path())
        }
        #expect(steps == 5)
        let moved = try await store.search(
            SearchRequest(
                query: .vector(random.floats(4)), model: otherFingerprint, topK: 99))
        #expect(moved.count == 30)
        #expect(try await store.finishReencoding(model: otherFingerprint))
        #expect(try await store.search(request).isEmpty)
        let statistics = try await store.statistics()
        #expect(statistics.documentsByModel == [otherFingerprint: 30])
        #expect(statistics.passages == 0 && statistics.documentsWithStates == 0)
    }

    @Test("texts to be encoded by another model come by bytes, not by number alone")
    func longTextsAreFewAtATime() async throws {
        var random = SeededGenerator(seed: 128)
        let store = try openStore(folder.path())
        for id in ["a", "b", "c", "d"] {
            var draft = try random.draft(id)
            draft.text = String(repeating: "long text ", count: 250_000)
            _ = try await store.put([draft], model: fingerprint)
        }
        var met: [[String]] = []
        var row: Int64 = 0
        while true {
            let pending = try await store.documentsLacking(
                model: otherFingerprint, after: row, limit: 64)
            guard let last = pending.last else { break }
            met.append(pending.map(\.id))
            row = last.row
        }
        #expect(met == [["a", "b"], ["c", "d"]])
    }

    @Test("an encoding of a text that has changed meanwhile is not kept")
    func reencodingRaces() async throws {
        var random = SeededGenerator(seed: 124)
        let store = try openStore(folder.path())
        _ = try await store.put(try random.drafts(3), model: fingerprint)
        let pending = try await store.documentsLacking(model: otherFingerprint, limit: 9)
        var changed = try random.draft("d1")
        changed.text = "another text"
        _ = try await store.put([changed], model: fingerprint)
        _ = try await store.delete(ids: ["d2"])
        let outcomes = try await store.add(
            pending.map { Reencoded($0, random.documentEncoding()) }, model: otherFingerprint)
        #expect(outcomes == [true, false, false])
        let left = try await store.documentsLacking(model: otherFingerprint, limit: 9)
        #expect(left.map(\.text) == ["another text"])
        let behind = try await store.documentsLacking(
            model: otherFingerprint, after: left[0].row, limit: 9)
        #expect(behind.isEmpty)
    }

    @Test("an encoding by options that a put has changed meanwhile is not kept")
    func reencodingOptionRaces() async throws {
        var random = SeededGenerator(seed: 125)
        let store = try openStore(folder.path())
        let draft = try random.draft("a")
        _ = try await store.put([draft], model: fingerprint)
        let pending = try await store.documentsLacking(model: otherFingerprint, limit: 9)
        var again = draft
        again.options = "with passages"
        _ = try await store.put([again], model: fingerprint)
        let late = pending.map { Reencoded($0, random.documentEncoding()) }
        #expect(try await store.add(late, model: otherFingerprint) == [false])
        let met = try await store.documentsLacking(model: otherFingerprint, limit: 9)
        #expect(met.map(\.options) == ["with passages"])
        let outcomes = try await store.add(
            met.map { Reencoded($0, random.documentEncoding()) }, model: otherFingerprint)
        #expect(outcomes == [true])
    }

    @Test("kept states stay within the error that their format promises")
    func states() {
        var random = SeededGenerator(seed: 125)
        let scales: [Float] = [1, 1e-3, 1e-6, 0, 100, 60_000]
        let rows = scales.count
        let values = scales.flatMap { scale in random.floats(50).map { $0 * scale } }
        let offsets = (0..<rows).map { $0 * 2..<$0 * 2 + 2 }
        let half = TokenStates(values, columns: 50, offsets: offsets, format: .float16).floats()
        for (value, kept) in zip(values, half) {
            #expect(abs(value - kept) <= max(abs(value) * 0x1p-11, 0x1p-25))
        }
        let bytes = TokenStates(values, columns: 50, offsets: offsets, format: .int8).floats()
        for row in 0..<rows {
            let range = row * 50..<(row + 1) * 50
            let largest = values[range].reduce(0) { max($0, abs($1)) }
            for index in range {
                #expect(abs(values[index] - bytes[index]) <= largest / 254 * 1.0001)
            }
        }
        let edges = TokenStates(
            [65_504, 65_520, 1e30, -1e30, 0x1p-24, 0x1p-26], columns: 6, offsets: [0..<1],
            format: .float16)
        #expect(edges.floats() == [65_504, 65_504, 65_504, -65_504, 0x1p-24, 0])
    }
}

extension Reencoded {
    /// By the document's own options.
    fileprivate init(_ document: PendingDocument, _ encoding: DocumentEncoding) {
        self.init(document: document, options: document.options, encoding: encoding)
    }
}
