import GRDB
import Testing

@testable import DocumentStore

struct GroupCommitTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("a transaction is synced for what asks for it, and for nothing else")
    func durability() async throws {
        let store = try openStore(folder.path())
        func synchronous(_ durability: Durability) async throws -> Int? {
            try await store.write(durability) { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        }
        let (normal, full) = (1, 2)
        #expect(try await synchronous(.synced) == full)
        #expect(try await synchronous(.written) == normal)
        #expect(try await synchronous(.written) == normal)
        #expect(try await synchronous(.synced) == full)
        // As a document is, unless the write says otherwise.
        #expect(try await store.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == full)
    }
}
