import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// Cached encodings go when they are old or room is needed; documents never do.
struct CacheRoomTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var fileSize: Int {
        ["", "-wal"].reduce(0) { total, suffix in
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: folder.path() + suffix)
            return total + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        }
    }

    private func entries(
        _ count: Int, byteCount: Int = 1024, at clock: TestClock, _ random: inout SeededGenerator
    ) throws -> [(CacheKey, CachedEncoding)] {
        try random.entries(count, byteCount: byteCount).map { key, encoding in
            var encoding = encoding
            encoding.createdAt = clock.now()
            return (key, encoding)
        }
    }

    /// A store whose encodings are answered for 100 seconds, with three that were kept just now.
    private func aging(
        by clock: TestClock, _ random: inout SeededGenerator
    ) async throws -> (store: EncodingStore, kept: [(CacheKey, CachedEncoding)]) {
        let store = try openStore(
            folder.path(), options: StoreOptions(cacheTTL: 100, clock: clock.now))
        let kept = try entries(3, at: clock, &random)
        try await store.keep(kept, fingerprint: fingerprint)
        return (store, kept)
    }

    @Test("past their age, encodings are not answered, and leave with a later write")
    func age() async throws {
        var random = SeededGenerator(seed: 101)
        let clock = TestClock()
        let (store, old) = try await aging(by: clock, &random)
        clock.advance(99)
        let keys = old.map(\.0)
        #expect(
            try await store.lookup(keys, model: fingerprint, kind: .embedding) == old.map(\.1))
        clock.advance(1)
        #expect(
            try await store.lookup(keys, model: fingerprint, kind: .embedding) == [nil, nil, nil])
        let new = try entries(1, at: clock, &random)
        try await store.keep(new, fingerprint: fingerprint)
        let statistics = try await store.statistics()
        #expect(statistics.encodings == 1 && statistics.evictions == 3)
        #expect(statistics.hits == 3 && statistics.misses == 3)
    }

    @Test("the size stays below its limit; what was used last stays; documents stay")
    func leastRecentlyUsed() async throws {
        var random = SeededGenerator(seed: 102)
        let clock = TestClock()
        let limit = 2_000_000
        let store = try openStore(
            folder.path(), options: StoreOptions(maximumBytes: limit, clock: clock.now))
        let drafts = try random.drafts(20, columns: 64)
        _ = try await store.put(drafts, model: fingerprint)
        let favourites = try entries(10, byteCount: 4000, at: clock, &random)
        try await store.keep(favourites, fingerprint: fingerprint)
        var last: [(CacheKey, CachedEncoding)] = []
        for _ in 0..<60 {
            clock.advance(120)
            last = try entries(20, byteCount: 4000, at: clock, &random)
            try await store.keep(last, fingerprint: fingerprint)
            let found = try await store.lookup(
                favourites.map(\.0), model: fingerprint, kind: .embedding)
            #expect(found == favourites.map(\.1))
        }
        let found = try await store.lookup(last.map(\.0), model: fingerprint, kind: .embedding)
        #expect(found == last.map(\.1))
        let statistics = try await store.statistics()
        #expect(statistics.evictions > 700 && statistics.documents == 20)
        #expect(statistics.encodings + statistics.evictions == 60 * 20 + 10)
        store.close()
        #expect(fileSize <= limit)
        let again = try openStore(folder.path())
        let documents = try await again.documents(drafts.map(\.id), parts: .vector)
        #expect(documents.map { $0?.encoding?.vector } == drafts.map { $0.encoding?.vector })
        let counted = try await again.statistics()
        #expect(counted.evictions == statistics.evictions && counted.hits == statistics.hits)
    }

    @Test("documents make room for themselves, and refuse when only documents are left")
    func documentsFill() async throws {
        var random = SeededGenerator(seed: 103)
        let store = try openStore(folder.path(), options: StoreOptions(maximumBytes: 1_500_000))
        try await store.keep(try random.entries(500, byteCount: 1500), fingerprint: fingerprint)
        var acknowledged: [DocumentDraft] = []
        var refusal: StoreError?
        for round in 0..<200 {
            let drafts = try random.drafts(10, prefix: "r\(round)-", columns: 384)
            do {
                _ = try await store.put(drafts, model: fingerprint)
                acknowledged += drafts
            } catch {
                refusal = error
                break
            }
        }
        #expect(refusal == .full(path: folder.path()))
        #expect(acknowledged.count > 300)
        let found = try await store.documents(acknowledged.map(\.id), parts: .vector)
        #expect(found.map { $0?.encoding?.vector } == acknowledged.map { $0.encoding?.vector })
        #expect(try await store.statistics().encodings == 0)
        // After deletions there is room again.
        _ = try await store.delete(ids: acknowledged.prefix(100).map(\.id))
        let more = try random.drafts(10, prefix: "more", columns: 384)
        _ = try await store.put(more, model: fingerprint)
    }

    /// Documents until there is no room for one more.
    private func fill(
        _ store: EncodingStore, _ random: inout SeededGenerator
    ) async throws -> [String] {
        var kept: [String] = []
        for size in [10, 1] {
            while true {
                let drafts = try (0..<size).map { index in
                    var draft = try random.draft(
                        "f\(kept.count + index)", metadata: ["n": .integer(Int64(index))],
                        columns: 96)
                    draft.text = (0..<40).map { _ in "w\(Int.random(in: 0..<9999, using: &random))"
                    }
                    .joined(separator: " ")
                    return draft
                }
                let error = await storeError { try await store.put(drafts, model: fingerprint) }
                if let error {
                    #expect(error == .full(path: folder.path()))
                    break
                }
                kept += drafts.map(\.id)
            }
        }
        return kept
    }

    @Test(
        "a full store deletes a document here and there, is compacted, and has room again",
        arguments: [200_000, 600_000, 3_000_000])
    func deletingWhenFull(limit: Int) async throws {
        var random = SeededGenerator(seed: 108)
        let store = try openStore(folder.path(), options: StoreOptions(maximumBytes: limit))
        let kept = try await fill(store, &random)
        #expect(kept.count > 5)
        let few = kept.enumerated().filter { $0.offset % 9 == 4 }.map(\.element)
        for id in few.prefix(limit < 500_000 ? 1 : 60) {
            #expect(try await store.delete(ids: [id]) == 1)
        }
        #expect(fileSize < limit * 2 + (1 << 22))
        _ = try await store.compact()
        #expect(fileSize <= limit)
        let more = try await store.delete(
            ids: kept.enumerated().filter { $0.offset % 3 == 0 }.map(\.element))
        #expect(more > 0)
        _ = try await store.compact()
        _ = try await store.put([try random.draft("new", columns: 96)], model: fingerprint)
    }

    @Test("a store that was filled to its last page by another limit still deletes")
    func deletingBeyondTheLimit() async throws {
        var random = SeededGenerator(seed: 109)
        let first = try openStore(folder.path())
        let drafts = try random.drafts(400, columns: 96)
        _ = try await first.put(drafts, model: fingerprint)
        first.close()
        let store = try openStore(
            folder.path(), options: StoreOptions(maximumBytes: fileSize / 4096 * 4096))
        for draft in drafts.enumerated().filter({ $0.offset % 20 == 7 }).map(\.element) {
            #expect(try await store.delete(ids: [draft.id]) == 1)
        }
        let error = await storeError {
            try await store.put([try random.draft("new", columns: 96)], model: fingerprint)
        }
        #expect(error == .full(path: folder.path()))
        _ = try await store.compact()
    }

    @Test("names in metadata count as what they take")
    func namesTakeRoom() async throws {
        var random = SeededGenerator(seed: 110)
        let store = try openStore(folder.path(), options: StoreOptions(maximumBytes: 3_000_000))
        func draft(_ index: Int) throws -> DocumentDraft {
            let members = Dictionary(
                uniqueKeysWithValues: (0..<100).map { ("\($0)", MetadataValue.integer(1)) })
            let name = "\(index)" + String(repeating: "n", count: 2400)
            return try random.draft("m\(index)", metadata: [name: .object(members)])
        }
        var kept: [String] = []
        var error: StoreError?
        while error == nil {
            let next = try draft(kept.count)
            error = await storeError { try await store.put([next], model: fingerprint) }
            if error == nil { kept.append(next.id) }
        }
        #expect(error == .full(path: folder.path()) && (2...6).contains(kept.count))
        #expect(try await store.delete(ids: [kept[1]]) == 1)
    }

    @Test("a full store takes new metadata for a text that it has")
    func metadataWhenFull() async throws {
        var random = SeededGenerator(seed: 111)
        let store = try openStore(folder.path(), options: StoreOptions(maximumBytes: 1_500_000))
        var draft = try random.draft("a", metadata: ["n": 1])
        draft.text = String(repeating: "long text ", count: 30_000)
        _ = try await store.put([draft], model: fingerprint)
        for index in 0..<5 {
            var asking = draft
            asking.encoding = nil
            asking.metadata = try DocumentMetadata(["n": .integer(Int64(10 + index))])
            let outcomes = try await store.put([asking], model: fingerprint)
            #expect(outcomes == [.metadataUpdated])
        }
    }

    @Test("after the clock went back, rows of the future leave as others do")
    func clockSetBack() async throws {
        var random = SeededGenerator(seed: 112)
        let clock = TestClock()
        let store = try openStore(
            folder.path(), options: StoreOptions(maximumBytes: 2_000_000, clock: clock.now))
        clock.advance(1_000_000)
        let future = try entries(300, byteCount: 4000, at: clock, &random)
        try await store.keep(future, fingerprint: fingerprint)
        clock.advance(-900_000)
        let favourite = try entries(1, at: clock, &random)
        try await store.keep(favourite, fingerprint: fingerprint)
        for _ in 0..<60 {
            clock.advance(120)
            let now = try entries(20, byteCount: 4000, at: clock, &random)
            try await store.keep(now, fingerprint: fingerprint)
            let used = try await store.lookup(
                [favourite[0].0], model: fingerprint, kind: .embedding)
            #expect(used == [favourite[0].1])
        }
        let found = try await store.lookup(
            future.map(\.0), model: fingerprint, kind: .embedding)
        #expect(found.allSatisfy { $0 == nil })
    }

    @Test("with an age, what was made in the future is not answered, and leaves")
    func madeInTheFuture() async throws {
        var random = SeededGenerator(seed: 113)
        let clock = TestClock()
        let (store, old) = try await aging(by: clock, &random)
        let keys = old.map(\.0)
        #expect(
            try await store.lookup(keys, model: fingerprint, kind: .embedding) == old.map(\.1))
        clock.advance(-5000)
        for key in keys {
            #expect(
                try await store.lookup([key], model: fingerprint, kind: .embedding) == [nil])
        }
        let new = try entries(1, at: clock, &random)
        try await store.keep(new, fingerprint: fingerprint)
        #expect(try await store.statistics().encodings == 1)
    }

    @Test("compaction gives the disk back what deletions left, and loses nothing")
    func compaction() async throws {
        var random = SeededGenerator(seed: 104)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(400, columns: 384, passages: 2)
        _ = try await store.put(drafts, model: fingerprint)
        try await store.keep(try random.entries(100, byteCount: 4000), fingerprint: fingerprint)
        _ = try await store.delete(ids: drafts.dropFirst(40).map(\.id))
        let before = fileSize
        let report = try await store.compact()
        #expect(report.bytesBefore == before && report.bytesAfter == fileSize)
        #expect(report.bytesAfter < before / 3)
        let found = try await store.documents(
            drafts.prefix(40).map(\.id), parts: [.text, .passages])
        #expect(found.map { $0?.text } == drafts.prefix(40).map(\.text))
        #expect(try await store.statistics().encodings == 100)
        let query = random.floats(384)
        let hits = try await store.search(
            SearchRequest(query: .vector(query), model: fingerprint, topK: 100))
        #expect(hits.count == 40)
    }

    @Test("free pages leave the file by themselves once they are many")
    func shrinking() async throws {
        var random = SeededGenerator(seed: 105)
        let store = try openStore(folder.path())
        let drafts = try random.drafts(1500, columns: 1024)
        _ = try await store.put(drafts, model: fingerprint)
        _ = try await store.delete(ids: drafts.dropFirst(10).map(\.id))
        for index in 0..<12 {
            _ = try await store.put([try random.draft("s\(index)")], model: fingerprint)
        }
        store.close()
        #expect(fileSize < 1500 * 4096 / 4)
    }

    @Test("uses are written together, not one by one")
    func noWriteStorm() async throws {
        var random = SeededGenerator(seed: 106)
        let clock = TestClock()
        let store = try openStore(folder.path(), options: StoreOptions(clock: clock.now))
        let kept = try entries(50, at: clock, &random)
        try await store.keep(kept, fingerprint: fingerprint)
        let before = fileSize
        for _ in 0..<20 {
            clock.advance(10)
            for (key, _) in kept {
                _ = try await store.lookup([key], model: fingerprint, kind: .embedding)
            }
        }
        #expect(fileSize == before)
    }

    @Test("uses that could not be written while another held the file are written later")
    func usesAfterLock() async throws {
        var random = SeededGenerator(seed: 107)
        let clock = TestClock()
        let store = try openStore(
            folder.path(), options: StoreOptions(busyTimeout: 0.02, clock: clock.now))
        let kept = try entries(1, at: clock, &random)
        try await store.keep(kept, fingerprint: fingerprint)
        func look() async throws {
            _ = try await store.lookup(kept.map(\.0), model: fingerprint, kind: .embedding)
        }
        try await look()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let holder = try DatabaseQueue(path: folder.path(), configuration: configuration)
        try await holder.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
        clock.advance(301)
        try await look()
        // Waits behind the write that the lookup asked for.
        for _ in 0..<3 {
            let error = await storeError { try await store.keep(kept, fingerprint: fingerprint) }
            #expect(error == .locked(path: folder.path()))
        }
        try await holder.writeWithoutTransaction { try $0.rollback() }
        func written() async throws -> Int {
            try await holder.read {
                try Int.fetchOne($0, sql: "SELECT value FROM counter WHERE name = 'hits'")
            } ?? 0
        }
        var patience = 500
        while try await written() == 0, patience > 0 {
            clock.advance(301)
            try await look()
            try await Task.sleep(for: .milliseconds(2))
            patience -= 1
        }
        #expect(try await written() > 0)
    }
}
