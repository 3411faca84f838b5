import Foundation
import TestSupport
import Testing

@testable import DocumentStore

@Suite struct RecentEncodingsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func entry(_ bytes: Int, at seconds: Double = 0) -> RecentEncodings.Entry {
        RecentEncodings.Entry(
            encoding: CachedEncoding(
                payload: Array(repeating: 1, count: bytes), kind: .embedding, tokens: 1,
                tokensUsed: 1, createdAt: Date(timeIntervalSince1970: seconds)),
            row: 1, usedAt: 0)
    }

    private func key(_ number: UInt8) throws -> CacheKey {
        try #require(CacheKey(bytes: Array(repeating: 0, count: 31) + [number]))
    }

    /// Keys that share the bytes that are hashed are still told apart.
    @Test func findsAllOrNothing() throws {
        let recent = RecentEncodings(maximumBytes: 1 << 20)
        let (a, b) = (try key(1), try key(2))
        recent.insert([(a, entry(10))], model: [1], kind: .embedding, version: recent.version)
        #expect(recent.find([a], model: [1], kind: .embedding, life: nil)?.count == 1)
        #expect(recent.find([a, b], model: [1], kind: .embedding, life: nil) == nil)
        #expect(recent.find([a], model: [2], kind: .embedding, life: nil) == nil)
        #expect(recent.find([a], model: [1], kind: .scores, life: nil) == nil)
    }

    @Test func whatWasMadeTooLongAgoIsNotAnswered() throws {
        let recent = RecentEncodings(maximumBytes: 1 << 20)
        let a = try key(1)
        recent.insert(
            [(a, entry(10, at: 100))], model: [1], kind: .embedding, version: recent.version)
        #expect(
            recent.find([a], model: [1], kind: .embedding, life: CacheLife(from: 99, to: 100))
                != nil)
        for life in [CacheLife(from: 100, to: 200), CacheLife(from: 0, to: 99)] {
            #expect(recent.find([a], model: [1], kind: .embedding, life: life) == nil)
        }
    }

    @Test func staysWithinItsBytesAndForgetsWhatIsNotUsed() throws {
        let recent = RecentEncodings(maximumBytes: 20_000)
        let used = try key(0)
        recent.insert([(used, entry(600))], model: [1], kind: .embedding, version: 0)
        for number in UInt8(1)...200 {
            recent.insert(
                [(try key(number), entry(600))], model: [1], kind: .embedding, version: 0)
            #expect(recent.find([used], model: [1], kind: .embedding, life: nil) != nil)
            #expect(recent.count <= 20)
        }
        #expect(recent.find([try key(1)], model: [1], kind: .embedding, life: nil) == nil)
        recent.insert([(try key(1), entry(11_000))], model: [1], kind: .embedding, version: 0)
        #expect(recent.find([try key(1)], model: [1], kind: .embedding, life: nil) == nil)
    }

    /// A lookup that began before a change must not bring back what the change replaced.
    @Test func whatWasReadBeforeAChangeIsNotKept() throws {
        let recent = RecentEncodings(maximumBytes: 1 << 20)
        let a = try key(1)
        let version = recent.version
        recent.remove([(a, .embedding)], model: [1])
        recent.insert([(a, entry(10))], model: [1], kind: .embedding, version: version)
        #expect(recent.count == 0)
        let later = recent.version
        recent.removeAll()
        recent.insert([(a, entry(10))], model: [1], kind: .embedding, version: later)
        #expect(recent.count == 0)
    }

    @Test("a hit from memory is the file's, counts as a hit, and ends with the store")
    func hitsCount() async throws {
        var random = SeededGenerator(seed: 21)
        let store = try openStore(folder.path())
        let entries = try random.entries(3)
        let keys = entries.map(\.0)
        try await store.keep(entries, fingerprint: fingerprint)
        for _ in 0..<5 {
            let found = try await store.lookup(keys, model: fingerprint, kind: .embedding)
            #expect(found == entries.map(\.1))
        }
        #expect(store.recent.count == 3)
        #expect(try await store.statistics().hits == 15)
        store.close()
        let error = await storeError {
            try await store.lookup(keys, model: fingerprint, kind: .embedding)
        }
        guard case .closed = error else {
            Issue.record("expected closed, got \(String(describing: error))")
            return
        }
    }

    @Test("what was evicted from the file is not answered from memory")
    func evictionIsFollowed() async throws {
        var random = SeededGenerator(seed: 22)
        let store = try openStore(folder.path(), maximumBytes: 1 << 20)
        let first = try random.entries(1)
        try await store.keep(first, fingerprint: fingerprint)
        _ = try await store.lookup([first[0].0], model: fingerprint, kind: .embedding)
        #expect(store.recent.count == 1)
        for _ in 0..<60 {
            let key = try random.key()
            try await store.keep(
                [(key, random.encoding(byteCount: 40_000))], fingerprint: fingerprint)
        }
        #expect(try await store.statistics().evictions > 0)
        let file = try openStore(folder.path())
        let there = try await file.lookup([first[0].0], model: fingerprint, kind: .embedding)
        let found = try await store.lookup([first[0].0], model: fingerprint, kind: .embedding)
        #expect(found == there)
    }
}
