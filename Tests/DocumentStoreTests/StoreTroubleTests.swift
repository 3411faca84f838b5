import DocumentStore
import Foundation
import GRDB
import TestSupport
import Testing

/// Each way in which a file can be unusable: named, and the file left as it is.
struct StoreTroubleTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func openError(_ path: String) async -> StoreError? {
        await storeError { try openStore(path, busyTimeout: 0.1) }
    }

    /// Opens `path`, which must fail, and checks that its bytes did not change.
    private func errorLeavingFile(_ path: String) async throws -> StoreError? {
        let before = try Data(contentsOf: URL(filePath: path))
        let error = await openError(path)
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
        return error
    }

    /// A store with a few encodings in it, closed.
    private func makeStore(
        _ count: Int = 40
    ) async throws -> (path: String, entries: [(CacheKey, CachedEncoding)]) {
        var random = SeededGenerator(seed: 21)
        let entries = try random.entries(count)
        let store = try openStore(folder.path())
        try await store.keep(entries, fingerprint: fingerprint)
        store.close()
        return (folder.path(), entries)
    }

    @Test("a text file is no database", arguments: [1, 99, 512, 9999])
    func notADatabase(byteCount: Int) async throws {
        let path = folder.path()
        try Data(repeating: 0x61, count: byteCount).write(to: URL(filePath: path))
        #expect(try await errorLeavingFile(path) == .notADatabase(path: path))
    }

    @Test("an empty file is an empty store")
    func emptyFile() async throws {
        try Data().write(to: URL(filePath: folder.path()))
        #expect(try await openStore(folder.path()).statistics().encodings == 0)
    }

    @Test("a database of another program", arguments: [0, 77])
    func notOurs(applicationID: Int) async throws {
        let path = folder.path()
        let queue = try DatabaseQueue(path: path)
        try await queue.writeWithoutTransaction { db in
            try db.execute(
                sql: "PRAGMA application_id = \(applicationID); CREATE TABLE t (x)")
        }
        try queue.close()
        #expect(
            try await errorLeavingFile(path)
                == .notOurs(path: path, applicationID: applicationID))
    }

    @Test("a newer version is named with both numbers")
    func newerVersion() async throws {
        let (path, _) = try await makeStore()
        let queue = try DatabaseQueue(path: path)
        try await queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 9") }
        try queue.close()
        #expect(
            try await errorLeavingFile(path)
                == .newerVersion(path: path, found: 9, supported: 4))
    }

    @Test("a newer version that is still in the log of a killed process")
    func newerVersionInLog() async throws {
        let (path, _) = try await makeStore()
        let pool = try DatabasePool(path: path)
        try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 9") }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: path + suffix, toPath: folder.path("killed.sqlite") + suffix)
        }
        let killed = folder.path("killed.sqlite")
        #expect(
            try await errorLeavingFile(killed)
                == .newerVersion(path: killed, found: 9, supported: 4))
    }

    @Test("a folder, a pipe and a file in no folder")
    func notAFile() async throws {
        let pipe = folder.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(await openError(pipe) == .notAFile(path: pipe))
        #expect(
            await openError(folder.path("")) == .notAFile(path: folder.path("")))
        let path = folder.path("none/bigs.sqlite")
        guard case .other(path, _)? = await openError(path) else {
            Issue.record("expected another error")
            return
        }
    }

    @Test("a file cut short is damaged")
    func cutShort() async throws {
        let (path, _) = try await makeStore()
        let bytes = try Data(contentsOf: URL(filePath: path))
        try bytes.prefix(bytes.count / 2 / 4096 * 4096).write(to: URL(filePath: path))
        guard case .corrupt(path, _)? = try await errorLeavingFile(path) else {
            Issue.record("expected damage to be found")
            return
        }
    }

    @Test("one flipped bit in a payload: the encoding is not answered, and can be kept anew")
    func flippedBit() async throws {
        let (path, entries) = try await makeStore()
        var bytes = try Data(contentsOf: URL(filePath: path))
        let needle = Data(entries[11].1.payload.prefix(24))
        let place = try #require(bytes.range(of: needle)).lowerBound
        bytes[place + 5] ^= 4
        try bytes.write(to: URL(filePath: path))

        let store = try openStore(path)
        // Those beside it are answered.
        let some = try await store.lookup(
            [entries[0].0, entries[11].0], model: fingerprint, kind: .embedding)
        #expect(some == [entries[0].1, nil])
        #expect(store.trouble == nil)
        try await store.keep([entries[11]], fingerprint: fingerprint)
        let found = try await store.lookup(
            entries.map(\.0), model: fingerprint, kind: .embedding)
        #expect(found == entries.map(\.1))
    }

    @Test("a damaged page: nothing is read or written any more")
    func damagedPage() async throws {
        let (path, entries) = try await makeStore()
        let store = try openStore(path)
        let file = try DatabaseQueue(path: path)
        try await file.writeWithoutTransaction { db in
            try db.execute(
                sql: """
                    PRAGMA writable_schema = ON;
                    UPDATE sqlite_schema SET rootpage = 999999 WHERE name = 'encoding';
                    PRAGMA schema_version = 999
                    """)
        }
        let keys = [entries[0].0]
        let error = await storeError {
            try await store.lookup(keys, model: fingerprint, kind: .embedding)
        }
        guard case .corrupt(path, _) = error else {
            Issue.record("expected damage to be found, got \(String(describing: error))")
            return
        }
        #expect(store.trouble == error)
        #expect(
            await storeError { try await store.keep(entries, fingerprint: fingerprint) } == error)
    }

    @Test("a link leads to the file itself, and its log is beside that")
    func link() async throws {
        let (path, entries) = try await makeStore()
        let elsewhere = try TemporaryFolder()
        let link = elsewhere.path("link.sqlite")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let store = try openStore(link)
        #expect(store.path == path)
        try await store.keep(entries, fingerprint: fingerprint)
        #expect(try await store.statistics().fileBytes > entries.count * 1024)
        #expect(FileManager.default.fileExists(atPath: path + "-wal"))
        store.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path("")).count == 1)
    }

    @Test("a link into a folder that cannot be written", .enabled(if: WriteProtection.isPossible))
    func linkIntoAReadOnlyFolder() async throws {
        let (path, _) = try await makeStore()
        let elsewhere = try TemporaryFolder()
        let link = elsewhere.path("link.sqlite")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let protection = try #require(WriteProtection(folder.url.path(percentEncoded: false)))
        #expect(await openError(link) == .readOnly(path: path))
        protection.lift()
    }

    @Test("a link to what is not there yet, by way of another, makes it", arguments: [true, false])
    func linkToANewFile(isRelative: Bool) async throws {
        let elsewhere = try TemporaryFolder()
        let (first, second) = (elsewhere.path("a"), elsewhere.path("b"))
        try FileManager.default.createSymbolicLink(atPath: first, withDestinationPath: "b")
        let folderName = folder.url.lastPathComponent
        try FileManager.default.createSymbolicLink(
            atPath: second,
            withDestinationPath: isRelative ? "../\(folderName)/bigs.sqlite" : folder.path())
        let store = try openStore(first)
        #expect(store.path == folder.path())
        #expect(try await store.statistics().fileBytes > 4096)
        store.close()
        #expect(FileManager.default.fileExists(atPath: folder.path()))
        let again = try openStore(first)
        #expect(again.path == folder.path())
        again.close()
    }

    @Test("links that lead to no folder, or to themselves", arguments: ["none/x", "bigs.sqlite"])
    func linkToNothing(target: String) async throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path(), withDestinationPath: target)
        guard case .other(_, let detail)? = await openError(folder.path()) else {
            Issue.record("expected another error")
            return
        }
        #expect(
            detail
                == (target == "none/x"
                    ? "No such file or directory" : "Too many levels of symbolic links"))
    }

    /// How a file is taken away from under an open store.
    enum Loss: CaseIterable {
        case removed, replaced, moved, logRemoved
    }

    @Test(
        "a file that is not at its path any more: nothing is acknowledged", arguments: Loss.allCases
    )
    func lostFile(loss: Loss) async throws {
        let (path, entries) = try await makeStore()
        let manager = FileManager.default
        let copy = folder.path("copy.sqlite")
        try manager.copyItem(atPath: path, toPath: copy)
        let store = try openStore(path)
        try await store.keep([entries[0]], fingerprint: fingerprint)
        var random = SeededGenerator(seed: 24)
        _ = try await store.put(try random.drafts(1), model: fingerprint)
        switch loss {
        case .removed: try manager.removeItem(atPath: path)
        case .replaced:
            try manager.removeItem(atPath: path)
            try manager.moveItem(atPath: copy, toPath: path)
        case .moved: try manager.moveItem(atPath: path, toPath: folder.path("moved.sqlite"))
        case .logRemoved: try manager.removeItem(atPath: path + "-wal")
        }
        let drafts = try random.drafts(2)
        for _ in 0..<2 {
            let error = await storeError { try await store.put(drafts, model: fingerprint) }
            #expect(error == .replaced(path: path))
        }
        #expect(store.trouble == .replaced(path: path))
        store.close()
    }

    @Test("pages of garbage are damage, never a wrong answer or a crash", arguments: 0..<8)
    func garbagePages(seed: Int) async throws {
        let (path, entries) = try await makeStore()
        var random = SeededGenerator(seed: UInt64(100 + seed))
        var bytes = try Data(contentsOf: URL(filePath: path))
        for page in 1..<bytes.count / 4096 where Bool.random(using: &random) {
            bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: random.bytes(4096))
        }
        try bytes.write(to: URL(filePath: path))
        let store: EncodingStore
        do {
            store = try openStore(path)
        } catch {
            guard case .corrupt = error else { throw error }
            return
        }
        for (key, encoding) in entries {
            do {
                let found = try await store.lookup([key], model: fingerprint, kind: .embedding)
                #expect(found == [encoding] || found == [nil])
            } catch {
                switch error {
                case .corrupt, .damagedRow: break
                default: throw error
                }
            }
        }
    }

    @Test("a full file refuses, keeps what it has, and goes on when there is room")
    func full() async throws {
        let path = folder.path()
        var random = SeededGenerator(seed: 22)
        let first = try random.entries(4)
        let store = try openStore(path, maximumBytes: 200_000)
        try await store.keep(first, fingerprint: fingerprint)
        let large = try random.entries(1, byteCount: 400_000)
        for _ in 0..<2 {
            let error = await storeError {
                try await store.keep(large, fingerprint: fingerprint)
            }
            #expect(error == .full(path: path))
        }
        let small = try random.entries(1)
        try await store.keep(small, fingerprint: fingerprint)
        let found = try await store.lookup(
            (first + small + large).map(\.0), model: fingerprint, kind: .embedding)
        #expect(found == (first + small).map(\.1) + [nil])
    }

    @Test("a process that holds the file alone: locked at once, open once it is gone")
    func heldWhileOpening() async throws {
        let (path, entries) = try await makeStore()
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
        let holder = try DatabaseQueue(path: path, configuration: configuration)
        try await holder.write { try $0.execute(sql: "UPDATE encoding SET tokens = tokens") }
        #expect(await openError(path) == .locked(path: path))
        try holder.close()
        let found = try await openStore(path).lookup(
            [entries[0].0], model: fingerprint, kind: .embedding)
        #expect(found == [entries[0].1])
    }

    @Test("another writer while the store is served: hits go on, keeping tries again later")
    func heldWhileServing() async throws {
        let (path, entries) = try await makeStore()
        var random = SeededGenerator(seed: 23)
        let more = try random.entries(1)
        let store = try openStore(path, busyTimeout: 0.1)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let holder = try DatabaseQueue(path: path, configuration: configuration)
        try await holder.writeWithoutTransaction { try $0.beginTransaction(.immediate) }

        let error = await storeError { try await store.keep(more, fingerprint: fingerprint) }
        #expect(error == .locked(path: path))
        let found = try await store.lookup(
            [entries[3].0, more[0].0], model: fingerprint, kind: .embedding)
        #expect(found == [entries[3].1, nil])

        try await holder.writeWithoutTransaction { try $0.rollback() }
        try await store.keep(more, fingerprint: fingerprint)
        let kept = try await store.lookup([more[0].0], model: fingerprint, kind: .embedding)
        #expect(kept == [more[0].1])
    }

    @Test("a file that cannot be written", .enabled(if: WriteProtection.isPossible))
    func readOnlyFile() async throws {
        let (path, _) = try await makeStore()
        let protection = try #require(WriteProtection(path))
        #expect(try await errorLeavingFile(path) == .readOnly(path: path))
        protection.lift()
        #expect(try await openStore(path).statistics().encodings == 40)
    }

    @Test("a folder that cannot be written", .enabled(if: WriteProtection.isPossible))
    func readOnlyFolder() async throws {
        let (path, _) = try await makeStore()
        let protection = try #require(WriteProtection(folder.url.path(percentEncoded: false)))
        #expect(try await errorLeavingFile(path) == .readOnly(path: path))
        #expect(
            await openError(folder.path("new.sqlite")) == .readOnly(path: folder.path("new.sqlite"))
        )
        protection.lift()
        #expect(try await openStore(path).statistics().encodings == 40)
    }

    @Test("messages name the file and, for a version, both numbers")
    func messages() {
        let newer = StoreError.newerVersion(path: "/a/b.sqlite", found: 9, supported: 3)
        #expect("\(newer)" == "/a/b.sqlite has version 9; this program knows versions up to 3")
        #expect("\(StoreError.readOnly(path: "/a/b.sqlite"))".hasPrefix("/a/b.sqlite"))
    }
}
