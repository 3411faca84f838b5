import DocumentStore
import Foundation
import TestSupport
import Testing

/// What is kept comes back, byte for byte.
struct KeepingTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("a hit has the bytes and counts that were kept", arguments: [0, 1, 4096, 100_003])
    func identicalBytes(byteCount: Int) async throws {
        var random = SeededGenerator(seed: 1)
        let entries = try random.entries(3, byteCount: byteCount)
        let store = try openStore(folder.path())
        try await store.keep(entries, fingerprint: fingerprint)
        let found = try await store.lookup(
            entries.map(\.0), model: fingerprint, kind: .embedding)
        #expect(found == entries.map(\.1))
    }

    @Test("every float pattern survives: zeros of both signs, subnormals, infinities, NaN payloads")
    func floatPatterns() async throws {
        let patterns: [UInt32] = [
            0, 0x8000_0000, 1, 0x807f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0001, 0xffff_ffff,
        ]
        let payload = patterns.flatMap { pattern in (0..<4).map { UInt8(pattern >> ($0 * 8) & 255) }
        }
        var random = SeededGenerator(seed: 2)
        let key = try random.key()
        var encoding = random.encoding()
        encoding.payload = payload
        let store = try openStore(folder.path())
        try await store.keep([(key, encoding)], fingerprint: fingerprint)
        let found = try await store.lookup([key], model: fingerprint, kind: .embedding)
        #expect(found.first??.payload == payload)
    }

    @Test("answers stand in the order of the keys, with nil where there is nothing")
    func order() async throws {
        var random = SeededGenerator(seed: 3)
        let entries = try random.entries(2)
        let store = try openStore(folder.path())
        try await store.keep(entries, fingerprint: fingerprint)
        let unknown = try random.key()
        let keys = [entries[1].0, unknown, entries[0].0, entries[1].0]
        let found = try await store.lookup(keys, model: fingerprint, kind: .embedding)
        #expect(found == [entries[1].1, nil, entries[0].1, entries[1].1])
        #expect(try await store.lookup([], model: fingerprint, kind: .embedding).isEmpty)
    }

    @Test("models and kinds do not see each other")
    func separation() async throws {
        var random = SeededGenerator(seed: 4)
        let key = try random.key()
        let vector = random.encoding()
        var scores = random.encoding(byteCount: 8)
        scores.kind = .scores
        let store = try openStore(folder.path())
        try await store.keep([(key, vector), (key, scores)], fingerprint: fingerprint)
        #expect(try await store.lookup([key], model: fingerprint, kind: .embedding) == [vector])
        #expect(try await store.lookup([key], model: fingerprint, kind: .scores) == [scores])
        #expect(try await store.lookup([key], model: otherFingerprint, kind: .scores) == [nil])
    }

    @Test("the last encoding kept under a key takes the place of the one before")
    func replacement() async throws {
        var random = SeededGenerator(seed: 5)
        let key = try random.key()
        let first = random.encoding()
        let second = random.encoding(byteCount: 64)
        let store = try openStore(folder.path())
        try await store.keep([(key, first)], fingerprint: fingerprint)
        try await store.keep([(key, second)], fingerprint: fingerprint)
        #expect(try await store.lookup([key], model: fingerprint, kind: .embedding) == [second])
        #expect(try await store.statistics().encodings == 1)
    }

    @Test("a file opened again has everything, and no log beside it after a close")
    func reopening() async throws {
        var random = SeededGenerator(seed: 6)
        let entries = try random.entries(20)
        let store = try openStore(folder.path())
        try await store.keep(entries, fingerprint: fingerprint)
        store.close()
        #expect(!FileManager.default.fileExists(atPath: folder.path() + "-wal"))
        let again = try openStore(folder.path())
        let found = try await again.lookup(entries.map(\.0), model: fingerprint, kind: .embedding)
        #expect(found == entries.map(\.1))
    }

    @Test("a close is complete when it returns, also right after a write")
    func closingAtOnce() async throws {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<100 {
            let store = try openStore(folder.path())
            try await store.keep(try random.entries(1), fingerprint: fingerprint)
            store.close()
            #expect(!FileManager.default.fileExists(atPath: folder.path() + "-wal"))
        }
    }

    @Test("after a close every call says so")
    func closed() async throws {
        let store = try openStore(folder.path())
        store.close()
        store.close()
        var random = SeededGenerator(seed: 7)
        let entries = try random.entries(1)
        let expected = StoreError.closed(path: store.path)
        #expect(
            await storeError {
                try await store.keep(entries, fingerprint: fingerprint)
            } == expected)
        #expect(
            await storeError {
                try await store.lookup([entries[0].0], model: fingerprint, kind: .embedding)
            } == expected)
        #expect(
            await storeError { try await store.statistics() }
                == expected)
    }

    @Test("statistics count rows, models, bytes, times, hits and misses")
    func statistics() async throws {
        var random = SeededGenerator(seed: 8)
        let entries = try random.entries(3, byteCount: 100)
        let store = try openStore(folder.path())
        var statistics = try await store.statistics()
        #expect(statistics.encodings == 0 && statistics.models == 0)
        #expect(statistics.oldest == nil && statistics.newest == nil)
        try await store.keep(entries, fingerprint: fingerprint)
        try await store.keep([entries[0]], fingerprint: otherFingerprint)
        let keys = [entries[0].0, entries[1].0, try random.key()]
        _ = try await store.lookup(keys, model: fingerprint, kind: .embedding)
        statistics = try await store.statistics()
        #expect(statistics.encodings == 4 && statistics.models == 2)
        #expect(statistics.payloadBytes == 400 && statistics.fileBytes > 400)
        #expect(statistics.oldest == entries.map(\.1.createdAt).min())
        #expect(statistics.newest == entries.map(\.1.createdAt).max())
        #expect(statistics.hits == 2 && statistics.misses == 1)
    }

    @Test("a key has 32 bytes", arguments: [0, 31, 33])
    func keyLength(count: Int) {
        #expect(CacheKey(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }
}
