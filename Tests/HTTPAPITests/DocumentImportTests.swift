import DocumentStore
import Foundation
import GRDB
import HTTPServer
import HTTPTypes
import Logging
import Serving
import Synchronization
import TestSupport
import Testing

@testable import HTTPAPI

@Suite struct DocumentImportTests {
    /// Imports `text` in memory; the result lines.
    private func run(
        _ fixture: APIFixture, _ text: String, query: String = ""
    ) async throws -> [[String: Any]] {
        let answer = await fixture.stream(
            .post, "/documents/import\(query)", Array(text.utf8),
            contentType: "application/x-ndjson")
        #expect(answer.status == 200)
        #expect(answer.header("content-type") == "application/x-ndjson")
        return try answer.lines()
    }

    private func statuses(_ lines: [[String: Any]]) -> [String] {
        lines.map { $0["status"] as? String ?? "?" }
    }

    @Test func everyLineHasAResultAndTheRestGoesOn() async throws {
        let fixture = try APIFixture(keeps: true) { $0.maximumBodyBytes = 200 }
        defer { fixture.executor?.stop() }
        let long = String(repeating: "x", count: 801)
        let lines = try await run(
            fixture,
            """
            {"id":"a","text":"abc","metadata":{"n":1}}

            {"id":"b","text":
            {"id":"c"}
            \(long)
            {"id":7,"text":"seven"}\r
            {"id":"d\\u0001","text":"abc"}
            {"text":"no name"}
            """)
        #expect(
            statuses(lines) == [
                "stored", "error", "error", "error", "stored", "error", "stored", "done",
            ])
        #expect(lines.map { $0["line"] as? Int } == [1, 3, 4, 5, 6, 7, 8, nil])
        #expect(lines[0]["id"] as? String == "a" && lines[0]["tokens"] as? Int == 5)
        #expect(lines[1]["error_type"] as? String == "Malformed")
        #expect(lines[1]["id"] == nil)
        #expect(lines[2]["error"] as? String == "text: is missing")
        #expect(lines[2]["id"] as? String == "c")
        #expect(lines[3]["error_type"] as? String == "PayloadTooLarge")
        #expect(lines[3]["error"] as? String == "the line has more than 800 bytes")
        #expect(lines[4]["id"] as? String == "7")
        #expect(lines[5]["error_type"] as? String == "Validation")
        #expect(lines[7]["lines"] as? Int == 7 && lines[7]["stored"] as? Int == 3)
        #expect(lines[7]["errors"] as? Int == 4)
        for id in ["a", "7"] {
            #expect(await fixture.send(.get, "/documents/\(id)").status == 200)
        }
    }

    @Test(arguments: [
        #""text":"""#, #""text":"abc","chunk":"nothing""#, #""text":1"#, #""txt":"abc""#,
        #""text":"abc","model":"another""#, #""text":"abc","keep_states":"all""#,
    ])
    func aLineThatIsRefusedHasItsID(fields: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let lines = try await run(
            fixture, #"{"id":"mine",\#(fields)}"# + "\n" + #"{"id":7,\#(fields)}"#)
        #expect(statuses(lines) == ["error", "error", "done"])
        #expect(lines.map { $0["id"] as? String } == ["mine", "7", nil])
    }

    @Test func whatIsThereIsSkipped() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let first = (0..<40).map { #"{"id":"d\#($0)","text":"text \#($0)"}"# }
        let half = first.prefix(20).joined(separator: "\n")
        #expect(statuses(try await run(fixture, half)).count(where: { $0 == "stored" }) == 20)
        let whole = try await run(fixture, first.joined(separator: "\n"))
        #expect(
            statuses(whole) == Array(repeating: "unchanged", count: 20)
                + Array(repeating: "stored", count: 20) + ["done"])
        let quiet = try await run(
            fixture, first.joined(separator: "\n") + "\n{}", query: "?results=errors")
        #expect(statuses(quiet) == ["error", "done"])
        #expect(quiet.last?["unchanged"] as? Int == 40)
    }

    @Test func ofTheSameIDTheLastLineWins() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let lines = try await run(
            fixture,
            """
            {"id":"a","text":"one"}
            {"id":"a","text":"two"}
            {"id":"a","text":"one"}
            {"id":"a","text":"one"}
            """)
        #expect(statuses(lines) == ["stored", "replaced", "replaced", "unchanged", "done"])
        #expect(await fixture.send(.get, "/documents/a").object["text"] as? String == "one")
    }

    @Test func textsThatCannotBeEncodedFailAlone() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let long = String(repeating: "ab ", count: 300)
        let lines = try await run(
            fixture,
            """
            {"id":"a","text":"one"}
            {"id":"b","text":"\(long)","truncate":false}
            {"id":"c","text":"\(long)"}
            {"id":"d","text":"\(long)","truncate":false}
            """)
        #expect(statuses(lines) == ["stored", "error", "stored", "error", "done"])
        #expect((lines[1]["error"] as? String)?.hasPrefix("text: has 602 tokens") == true)
        #expect(lines[2]["tokens"] as? Int == 602 && lines[2]["tokens_used"] as? Int == 128)
    }

    /// A command's user has no log: trouble with the store is told as it is, and its end is an error.
    @Test func commandsAreToldWhatWasNotKept() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let (loaded, executor, store) = (
            try #require(fixture.loaded), try #require(fixture.executor),
            try #require(fixture.store)
        )
        let documents = try DocumentService(
            encoding: EncodingService(
                loaded: loaded, executor: executor, store: store,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })),
            heads: HeadRegistry())
        func read(_ text: String) async throws -> (isComplete: Bool, lines: String) {
            let bytes = Mutex<[UInt8]>([])
            let isComplete = try await DocumentLines.read(
                RequestBody(bytes: Array(text.utf8)), into: documents, maximumLineBytes: 1_000,
                reportsAll: true, to: BodyWriter { piece in bytes.withLock { $0 += piece } })
            return (isComplete, String(decoding: bytes.withLock { $0 }, as: UTF8.self))
        }
        #expect(try await read(#"{"text":"abc"}"#).isComplete)
        #expect(try await read(#"{"text":"abc"}"#).isComplete)
        #expect(try await read(#"{"text":"abc"}"# + "\n{}").isComplete == false)
        store.close()
        let stopped = try await read(#"{"text":"abcd"}"#)
        #expect(!stopped.isComplete && stopped.lines.contains(#""status":"stopped""#))
        #expect(stopped.lines.contains("\(StoreError.closed(path: store.path))"), "\(stopped)")
        let route = try await run(fixture, #"{"text":"abcd"}"#)
        #expect(route.last?["error"] as? String == "the store is busy or closing")
    }

    /// Another process that holds the file for longer than a write waits.
    @Test(arguments: [Duration.seconds(60), .zero])
    func aLockIsWaitedFor(patience: Duration) async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let path = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let store = try EncodingStore.open(
            path: path, logger: logger, options: StoreOptions(busyTimeout: 0.02))
        let fixture = try APIFixture(sharing: store)
        defer { fixture.executor?.stop() }
        let (loaded, executor) = (
            try #require(fixture.loaded), try #require(fixture.executor)
        )
        var work = DocumentImport(
            documents: try DocumentService(
                encoding: EncodingService(
                    loaded: loaded, executor: executor, store: store, logger: logger),
                heads: HeadRegistry()),
            settings: APISettings(version: "", started: 0), maximumLineBytes: 1_000,
            reportsAll: true, checkReadiness: { () throws(APIError) in })
        work.lockPatience = patience
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let holder = try DatabaseQueue(path: path, configuration: configuration)
        try await holder.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
        let bytes = Mutex<[UInt8]>([])
        async let isComplete = work.run(
            RequestBody(bytes: Array(#"{"id":"a","text":"abc"}"#.utf8)),
            to: BodyWriter { piece in bytes.withLock { $0 += piece } })
        if patience > .zero {
            // Several writes have been refused by then, the import's first likely among them.
            for _ in 0..<20 {
                await #expect(throws: StoreError.locked(path: path)) {
                    try await store.delete(ids: ["none"])
                }
            }
            try await holder.writeWithoutTransaction { try $0.rollback() }
        }
        #expect(try await isComplete == (patience > .zero))
        let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
        #expect(
            text.contains(patience > .zero ? #""status":"done""# : #""status":"stopped""#),
            "\(text)")
    }

    @Test func othersTypesAndStreamsAreRefused() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let json = await fixture.send(
            .post, "/documents/import", Array("{}".utf8), contentType: "application/json")
        #expect(json.status == 415)
        let query = await fixture.send(
            .post, "/documents/import?results=some", [], contentType: "application/x-ndjson")
        #expect(query.status == 422)
        #expect(statuses(try await run(fixture, "")) == ["done"])
    }

    /// Lines that are being read take their part of the memory for bodies.
    @Test func linesWithoutRoomAreRefused() async throws {
        let fixture = try APIFixture(keeps: true) { $0.maximumBodyBytes = 4 << 20 }
        defer { fixture.executor?.stop() }
        let share = SharedBudget.Share(of: fixture.api.bodies)
        #expect(share.take(fixture.api.bodies.limit - (1 << 20)))
        let long = String(repeating: "a", count: 3 << 20)
        let body = "{\"id\":\"long\",\"text\":\"\(long)\"}\n{\"id\":\"short\",\"text\":\"b\"}\n"
        let lines = try await fixture.stream(
            .post, "/documents/import", Array(body.utf8), contentType: "application/x-ndjson"
        ).lines()
        #expect(lines.map { $0["status"] as? String } == ["error", "stored", "done"])
        #expect(lines[0]["error_type"] as? String == "Overloaded")
    }
}
