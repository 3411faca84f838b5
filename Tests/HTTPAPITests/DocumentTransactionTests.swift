import DocumentStore
import GRDB
import Serving
import Testing

/// What one request writes lets others write in between.
@Suite struct DocumentTransactionTests {
    /// New metadata of many documents are written in several transactions, so that others can write.
    @Test func newMetadataOfManyDocuments() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let store = try #require(fixture.store)
        func put(_ value: String) async throws -> [String] {
            let documents = (0..<150).map {
                #"{"id":"d\#($0)","text":"a","metadata":{"value":"\#(value)"}}"#
            }
            let answer = await fixture.post(
                "/documents", "[\(documents.joined(separator: ","))]")
            let results = answer.object["documents"] as? [[String: Any]] ?? []
            return results.compactMap { $0["status"] as? String }
        }
        func revision() async throws -> Int {
            let file = try DatabaseQueue(path: store.path)
            return try await file.read { db in
                try Int.fetchOne(db, sql: "SELECT value FROM counter WHERE name = 'revision'") ?? 0
            }
        }
        #expect(try await put("a") == Array(repeating: "stored", count: 150))
        for (value, transactions) in [("b", 3), (String(repeating: "c", count: 60_000), 9)] {
            let before = try await revision()
            #expect(try await put(value) == Array(repeating: "replaced", count: 150))
            #expect(try await revision() == before + transactions)
        }
        let before = try await revision()
        #expect(try await put("d") == Array(repeating: "replaced", count: 150))
        #expect(try await put("d") == Array(repeating: "unchanged", count: 150))
        #expect(try await revision() == before + 3)
    }
}
