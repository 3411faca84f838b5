import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// Damage, locks and hostile sizes: named errors, no crash, nothing acknowledged lost.
struct DocumentTroubleTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let everything: DocumentParts = [.text, .metadata, .vector, .passages, .states]

    private func makeStore(_ random: inout SeededGenerator) async throws -> [DocumentDraft] {
        let store = try openStore(folder.path())
        let drafts = try (0..<60).map { index in
            var draft = try random.draft(
                "d\(index)", metadata: ["n": .integer(Int64(index))], passages: 3)
            draft.encoding?.states = TokenStates(
                random.floats(24), columns: 8, offsets: [0..<1, 1..<2, 2..<3], format: .int8)
            return draft
        }
        _ = try await store.put(drafts, model: fingerprint)
        try await store.keep(try random.entries(20), fingerprint: fingerprint)
        store.close()
        return drafts
    }

    /// Everything that can be asked of a store; each answer is right, or the damage is named.
    private func useAll(
        _ store: EncodingStore, _ drafts: [DocumentDraft], _ random: inout SeededGenerator
    ) async throws {
        func attempt(_ body: () async throws -> Void) async throws {
            do {
                try await body()
            } catch let error as StoreError {
                switch error {
                case .corrupt, .damagedRow, .notADatabase, .other, .noSuchDocument: break
                default: throw error
                }
            }
        }
        for draft in drafts {
            try await attempt {
                let found = try await store.document(draft.id, parts: Self.everything)
                guard let found else { return }
                #expect(found.text == draft.text)
                #expect(found.encoding?.vector ?? draft.encoding?.vector == draft.encoding?.vector)
            }
        }
        let vector = random.floats(8)
        let filter = try MetadataFilter(.object(["n": .object(["$gt": .integer(5)])]))
        for query in [
            SearchRequest.Query.vector(vector), .text("river stone"), .like(id: "d1"),
            .hybrid(text: "river", vector: vector),
        ] {
            try await attempt {
                _ = try await store.search(
                    SearchRequest(query: query, model: fingerprint, filter: filter))
            }
            try await attempt {
                _ = try await store.search(
                    SearchRequest(
                        query: query, model: fingerprint, scope: .passages(granularity: nil)))
            }
        }
        for order in DocumentQuery.Order.allCases {
            try await attempt {
                var query = DocumentQuery(order: order, limit: 7, parts: Self.everything)
                for _ in 0..<20 {
                    let page = try await store.list(query)
                    guard let next = page.next else { break }
                    query.cursor = next
                }
            }
        }
        try await attempt { _ = try await store.statistics() }
        try await attempt {
            let export = try await store.export(parts: Self.everything)
            _ = try await export.next(after: nil)
        }
        try await attempt {
            _ = try await store.documentsLacking(model: otherFingerprint, limit: 9)
        }
        try await attempt { _ = try await store.put(drafts, model: fingerprint) }
        try await attempt { _ = try await store.delete(ids: ["d1", "d2"]) }
        try await attempt { _ = try await store.delete(where: filter) }
        try await attempt { _ = try await store.compact() }
    }

    @Test("pages of garbage are damage, never a wrong text, vector or a crash", arguments: 0..<12)
    func garbagePages(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(300 + seed))
        let drafts = try await makeStore(&random)
        let url = URL(filePath: folder.path())
        var bytes = try Data(contentsOf: url)
        for page in 1..<bytes.count / 4096 where Int.random(in: 0..<8, using: &random) == 0 {
            bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: random.bytes(4096))
        }
        try bytes.write(to: url)
        do {
            try await useAll(try openStore(folder.path()), drafts, &random)
        } catch let error as StoreError {
            guard case .corrupt = error else { throw error }
        }
    }

    @Test("a passage that ends before it starts, or starts before its text, is damage")
    func passagesWithoutAPlace() async throws {
        var random = SeededGenerator(seed: 500)
        let drafts = try await makeStore(&random)
        for place in ["start_at = end_at + 1", "start_at = -1"] {
            let queue = try DatabaseQueue(path: folder.path())
            try await queue.write { try $0.execute(sql: "UPDATE passage SET \(place)") }
            try queue.close()
            let store = try openStore(folder.path())
            defer { store.close() }
            await #expect(throws: StoreError.self, "\(place)") {
                try await store.document(drafts[0].id, parts: [.passages])
            }
            await #expect(throws: StoreError.self, "\(place)") {
                try await store.search(
                    SearchRequest(
                        query: .vector(random.floats(8)), model: fingerprint,
                        scope: .passages(granularity: nil)))
            }
        }
    }

    @Test("values of any type and size in any column", arguments: 0..<6)
    func wrongValues(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(400 + seed))
        let drafts = try await makeStore(&random)
        let queue = try DatabaseQueue(path: folder.path())
        let values: [any DatabaseValueConvertible] = [
            Int64.max, Int64.min, -1, 1e308, "text", Data([1, 2, 3]), "",
        ]
        let columns = [
            ("document", ["created_at", "updated_at", "metadata"]), ("document_text", ["text"]),
            (
                "document_encoding",
                ["revision", "options", "tokens", "encoded_at", "digest", "vector"]
            ),
            ("passage", ["granularity", "start_at", "end_at", "vector"]),
            ("token_state", ["format", "columns", "offsets", "states"]),
            ("counter", ["value"]), ("removed", ["revision"]),
            ("encoding", ["used_at", "created_at", "tokens", "payload"]),
            ("metadata_value", ["document_id"]),
        ]
        for _ in 0..<8 {
            let (table, names) = columns[Int.random(in: 0..<columns.count, using: &random)]
            let column = names[Int.random(in: 0..<names.count, using: &random)]
            let value = values[Int.random(in: 0..<values.count, using: &random)]
            let rest = Int.random(in: 0..<5, using: &random)
            // Some of these break a rule of the table, which then keeps what it had.
            try? await queue.write { [value = value.databaseValue] db in
                try db.execute(sql: "PRAGMA foreign_keys = OFF")
                let rows =
                    table == "metadata_value" || table == "counter" ? "1" : "rowid % 5 = \(rest)"
                try db.execute(
                    sql: "UPDATE OR IGNORE \(table) SET \(column) = ? WHERE \(rows)",
                    arguments: [value])
            }
        }
        try queue.close()
        let store = try openStore(folder.path())
        try await useAll(store, drafts, &random)
        try? await store.keep(try random.entries(3), fingerprint: fingerprint)
        store.close()
    }

    @Test("another writer holds the file: reads and searches go on, a put can be tried again")
    func locked() async throws {
        var random = SeededGenerator(seed: 131)
        let drafts = try await makeStore(&random)
        let store = try openStore(folder.path(), busyTimeout: 0.1)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let holder = try DatabaseQueue(path: folder.path(), configuration: configuration)
        try await holder.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
        let new = try random.draft("new")
        let error = await storeError { try await store.put([new], model: fingerprint) }
        #expect(error == .locked(path: folder.path()))
        let request = SearchRequest(query: .vector(random.floats(8)), model: fingerprint, topK: 99)
        #expect(try await store.search(request).count == drafts.count)
        try await holder.writeWithoutTransaction { try $0.rollback() }
        #expect(try await store.put([new], model: fingerprint) == [.created])
        #expect(try await store.search(request).count == drafts.count + 1)
    }

    @Test("a log cut anywhere gives whole lists of documents, and a sound file")
    func cutLog() async throws {
        var random = SeededGenerator(seed: 132)
        let store = try openStore(folder.path())
        let groups = try (0..<8).map { try random.drafts(3, prefix: "g\($0)-", passages: 1) }
        for group in groups { _ = try await store.put(group, model: fingerprint) }
        let log = try Data(contentsOf: URL(filePath: folder.path() + "-wal"))
        for part in 1..<8 {
            let path = folder.path("cut\(part)")
            try FileManager.default.copyItem(atPath: folder.path(), toPath: path)
            try log.prefix(log.count * part / 8 + 13).write(to: URL(filePath: path + "-wal"))
            let survivor: EncodingStore
            do {
                survivor = try openStore(path)
            } catch {
                Issue.record("\(part): \(error)")
                continue
            }
            var isPast = false
            for group in groups {
                let found = try await survivor.documents(
                    group.map(\.id), parts: [.text, .passages])
                #expect(found.allSatisfy { $0 == nil } || found.allSatisfy { $0 != nil })
                #expect(!(isPast && found[0] != nil))
                isPast = found[0] == nil
            }
            survivor.close()
            let queue = try DatabaseQueue(path: path)
            let check = try await queue.read {
                try String.fetchAll($0, sql: "PRAGMA integrity_check")
            }
            #expect(check == ["ok"])
        }
    }

    @Test("JSON that lies deep in itself is refused, not recursed into")
    func deepJSON() async throws {
        for depth in [65, 400, 100_000] {
            let json =
                String(repeating: "{\"a\":", count: depth) + "1"
                + String(repeating: "}", count: depth)
            let value = try? JSONDecoder().decode(
                [String: MetadataValue].self, from: Data(json.utf8))
            guard let value else { continue }
            #expect(throws: StoreError.self) { try DocumentMetadata(value) }
            #expect(throws: MetadataFilterError.self) { try MetadataFilter(.object(value)) }
        }
    }

    /// A backup that was restored into the file takes its counter back, and images are ahead of it then.
    @Test(.timeLimit(.minutes(1)), arguments: ["0", "1", "'x'", "-9223372036854775808"])
    func aCounterThatGoesBack(value: String) async throws {
        var random = SeededGenerator(seed: 91)
        let drafts = try await makeStore(&random)
        let store = try openStore(folder.path())
        let filter = try MetadataFilter(.object(["n": .object(["$gte": .integer(0)])]))
        let request = SearchRequest(
            query: .vector(try #require(drafts[7].encoding?.vector)), model: fingerprint, topK: 1,
            filter: filter)
        #expect(try await store.search(request).map(\.document.id) == ["d7"])
        let file = try DatabaseQueue(path: folder.path())
        try await file.write {
            try $0.execute(sql: "UPDATE counter SET value = \(value) WHERE name = 'revision'")
        }
        do {
            #expect(try await store.search(request).map(\.document.id) == ["d7"])
        } catch {
            guard case .corrupt = error else { throw error }
        }
    }

    /// Reads an export to its end; how many documents came, and how many were left out.
    private func exported(
        _ store: EncodingStore, atMost limit: Int
    ) async throws -> (count: Int, damaged: Int) {
        let export = try await store.export(parts: Self.everything)
        var last: String?
        var count = 0
        repeat {
            let piece = try await export.next(after: last)
            count += piece.documents.count
            last = piece.last
        } while last != nil && count + export.damagedCount <= limit
        #expect(count + export.damagedCount <= limit, "documents come again")
        return (count, export.damagedCount)
    }

    /// What one row says wrongly is named, and neither ends the process nor goes on for ever.
    @Test(arguments: [
        "UPDATE document SET name = CAST(name AS BLOB) WHERE name = 'd5'",
        "UPDATE document SET name = CAST(x'64ff' AS TEXT) WHERE name = 'd5'",
    ])
    func aWrongName(change: String) async throws {
        var random = SeededGenerator(seed: 92)
        let drafts = try await makeStore(&random)
        let file = try DatabaseQueue(path: folder.path())
        try await file.write { try $0.execute(sql: change) }
        let store = try openStore(folder.path())
        let error = await storeError { try await exported(store, atMost: drafts.count) }
        guard case .damagedRow? = error else {
            Issue.record("expected the damage to be named, got \(String(describing: error))")
            return
        }
        try await useAll(store, drafts, &random)
        #expect(store.trouble == nil)
    }

    /// Changes of one document, whose row number is put in the place of `{}`, and what they damage.
    private static let damages: [(change: String, parts: DocumentParts)] = {
        let text = "document_text SET text = "
        let encoding = "document_encoding SET "
        let ofEncoding =
            "WHERE encoding_id = (SELECT id FROM document_encoding WHERE document_id = {})"
        let offsets = "x'64000000660000000100000002000000' || substr(offsets, 17)"
        return [
            (text + "x'61' || text WHERE id = {}", .text),
            (text + "x'ff' WHERE id = {}", .text),
            (encoding + "tokens = 9223372036854775807 WHERE document_id = {}", []),
            (encoding + "tokens_used = tokens + 1 WHERE document_id = {}", []),
            (encoding + "tokens_used = -1 WHERE document_id = {}", []),
            (encoding + "digest = digest + 1 WHERE document_id = {}", .vector),
            ("document SET metadata = x'ff00' WHERE id = {}", []),
            ("document SET created_at = 'x' WHERE id = {}", []),
            ("passage SET end_at = 9223372036854775807 " + ofEncoding, .passages),
            ("passage SET start_at = -1 " + ofEncoding, .passages),
            ("passage SET digest = digest + 1 " + ofEncoding, .passages),
            ("token_state SET offsets = \(offsets) " + ofEncoding, .states),
        ]
    }()

    /// The others of a damaged document are answered, exported and found, and it can be deleted.
    @Test("damage of one document is no other's", arguments: damages)
    func aDamagedDocument(change: String, parts: DocumentParts) async throws {
        var random = SeededGenerator(seed: 94)
        let drafts = try await makeStore(&random)
        let file = try DatabaseQueue(path: folder.path())
        try await file.write { db in
            let row = try Int.fetchOne(db, sql: "SELECT id FROM document WHERE name = 'd30'") ?? 0
            try db.execute(sql: "UPDATE " + change.replacing("{}", with: "\(row)"))
            #expect(db.changesCount > 0)
        }
        let store = try openStore(folder.path())
        let error = await storeError { try await store.document("d30", parts: parts) }
        guard case .damagedRow? = error else {
            Issue.record("expected the damage to be named, got \(String(describing: error))")
            return
        }
        let others = drafts.filter { $0.id != "d30" }
        let found = try await store.documents(others.map(\.id), parts: Self.everything)
        #expect(found.map { $0?.text } == others.map(\.text))
        let export = try await exported(store, atMost: drafts.count)
        #expect(export.count == others.count && export.damaged == 1)
        #expect(store.trouble == nil)

        #expect(try await store.delete(ids: ["d30"]) == 1)
        #expect(try await store.document("d30", parts: []) == nil)
        for query in [SearchRequest.Query.vector(random.floats(8)), .text("river")] {
            var request = SearchRequest(query: query, model: fingerprint, topK: 99)
            let hits = try await store.search(request)
            #expect(!hits.isEmpty && hits.allSatisfy { $0.document.id != "d30" })
            request.filter = try MetadataFilter(.object(["n": .integer(31)]))
            #expect(try await store.search(request).allSatisfy { $0.document.id == "d31" })
        }
        _ = try await store.put([try random.draft("d30")], model: fingerprint)
        let (count, damaged) = try await exported(store, atMost: drafts.count)
        #expect(count == drafts.count && damaged == 0)
        try await file.write {
            try $0.execute(
                sql: "INSERT INTO text_index (text_index, rank) VALUES ('integrity-check', 1)")
        }
    }

    @Test("a damaged text can be replaced, and words lead to the new one alone")
    func replacingADamagedText() async throws {
        var random = SeededGenerator(seed: 95)
        _ = try await makeStore(&random)
        let file = try DatabaseQueue(path: folder.path())
        try await file.write {
            try $0.execute(
                sql: """
                    UPDATE document_text SET text = CAST('x y z ' || hex(text) AS BLOB)
                    WHERE id = (SELECT id FROM document WHERE name = 'd30')
                    """)
        }
        let store = try openStore(folder.path())
        var draft = try random.draft("d30")
        draft.text = "unheard"
        #expect(try await store.put([draft], model: fingerprint) == [.replaced])
        let hits = try await store.search(
            SearchRequest(query: .text("unheard"), model: fingerprint))
        #expect(hits.map(\.document.id) == ["d30"])
        try await file.write {
            try $0.execute(
                sql: "INSERT INTO text_index (text_index, rank) VALUES ('integrity-check', 1)")
        }
    }
}
