import DocumentStore
import Foundation
import GRDB
import HTTPTypes
import Serving
import Testing

/// What the document routes say where there is no store, or where it is not sound.
@Suite struct DocumentTroubleRouteTests {
    @Test func withoutAStoreTheRoutesSayWhy() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let answer = await fixture.get("/documents")
        #expect(answer.status == 424 && answer.errorType == "Backend")
        #expect((answer.object["error"] as? String)?.contains("without a store") == true)
        let kept = try APIFixture(keeps: true)
        defer { kept.executor?.stop() }
        let name = try #require(kept.loaded).name
        #expect(await kept.get("/documents?model=\(name)").status == 200)
        #expect(await kept.get("/documents?model=other").status == 404)
        let loading = try APIFixture(golden: nil)
        #expect(await loading.get("/documents").status == 503)
    }

    /// A store that is not used any more is no sound one.
    @Test func aLostFileIsToldToThoseWhoWatch() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.put("/documents/a", #"{"text":"abc"}"#)
        let store = try #require(fixture.store)
        #expect(await fixture.get("/info").object["store"] as? String == "open")
        try FileManager.default.removeItem(atPath: store.path)
        #expect(await fixture.put("/documents/b", #"{"text":"abcd"}"#).status == 500)
        let state = await fixture.get("/info").object["store"] as? String
        #expect(state?.contains("was removed or replaced") == true, "\(state ?? "")")
        let metrics = await fixture.get("/metrics")
        #expect(String(decoding: metrics.bytes, as: UTF8.self).contains("bigs_store_open 0"))
        #expect(await fixture.post("/embed", #"{"inputs":"abc"}"#).status == 200)
    }

    /// Damage of one document is told to those who ask for it, and is in nobody else's way.
    @Test func oneDamagedDocument() async throws {
        let fixture = try await APIFixture.withDocuments()
        defer { fixture.executor?.stop() }
        let store = try #require(fixture.store)
        let file = try DatabaseQueue(path: store.path)
        try await file.write {
            try $0.execute(
                sql: """
                    UPDATE document_text SET text = 'bears' WHERE id =
                        (SELECT id FROM document WHERE name = 'bears')
                    """)
        }
        let damaged = await fixture.get("/documents/bears")
        #expect(damaged.status == 500)
        #expect((damaged.object["error"] as? String)?.contains("is damaged") == true)
        #expect(await fixture.get("/documents/apples").status == 200)
        #expect(await fixture.get("/documents").ids.count == 3)
        let exported = await fixture.stream(.get, "/documents/export")
        #expect(try exported.lines().map { $0["id"] as? String } == ["apples", "cedars"])
        let metrics = await fixture.get("/metrics")
        #expect(String(decoding: metrics.bytes, as: UTF8.self).contains("bigs_store_open 1"))
        #expect(await fixture.send(.delete, "/documents/bears").status == 200)
        #expect(await fixture.get("/documents").ids == ["apples", "cedars"])
    }
}
