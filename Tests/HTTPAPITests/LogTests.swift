import DocumentStore
import Foundation
import GRDB
import HTTPServer
import HTTPTypes
import Logging
import Serving
import Synchronization
import Testing

@testable import HTTPAPI

/// What a handler wrote.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ bytes: [UInt8]) {
        lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
    }

    var all: [String] { lines.withLock { $0 } }

    /// Every line as JSON; what is none is nil.
    var objects: [[String: Any]?] {
        all.map { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    }
}

@Suite struct LogTests {
    private let lines = LogLines()

    private func logger(level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { [lines] label in
            JSONLogHandler(
                label: label, metadataProvider: RequestContext.metadataProvider,
                write: { lines.append($0) })
        }
        logger.logLevel = level
        return logger
    }

    @Test func oneObjectALine() throws {
        var logger = logger()
        logger[metadataKey: "own"] = "x"
        logger.warning(
            "a \"quoted\"\nmessage \u{1}é",
            metadata: [
                "number": .stringConvertible(7), "list": ["a", "b"], "map": ["k": "v"],
                "level": "taken",
            ])
        #expect(
            lines.all.allSatisfy { $0.hasSuffix("\n") && $0.dropLast().contains("\n") == false })
        let line = try #require(lines.objects[0])
        #expect(line["message"] as? String == "a \"quoted\"\nmessage \u{1}é")
        #expect(line["level"] as? String == "warning")
        #expect(line["metadata_level"] as? String == "taken")
        #expect(line["logger"] as? String == "test")
        #expect(line["own"] as? String == "x")
        #expect(line["number"] as? Int == 7)
        #expect(line["list"] as? [String] == ["a", "b"])
        #expect(line["map"] as? [String: String] == ["k": "v"])
        let time = try #require(line["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
    }

    /// A client is told that the log has more, so the log has it.
    @Test func aStoreThatCannotBeUsedIsLoggedInItsOwnWords() async throws {
        let fixture = try APIFixture(logger: logger(level: .info), keeps: true)
        defer { fixture.executor?.stop() }
        let path = try #require(fixture.store?.path)
        _ = await fixture.post("/documents", #"{"id":"a","text":"abc"}"#)
        let file = try DatabaseQueue(path: path)
        try await file.write { try $0.execute(sql: "DROP TABLE document_text") }
        func logged() throws -> String {
            let line = try #require(lines.objects.last ?? nil)
            #expect(line["level"] as? String == "error")
            return try #require(line["error"] as? String)
        }
        for body in [#"{"id":"b","text":"bcd"}"#, #"[{"id":"b","text":"bcd"}]"#] {
            let put = await fixture.post("/documents", body)
            #expect(put.status == 500)
            #expect((put.object["error"] as? String)?.contains(path) == false)
            let words = try logged()
            #expect(words.hasPrefix("\(path): no such table: "), "\(words)")
        }
        #expect(await fixture.send(.get, "/documents/a").status == 500)
        #expect(try logged().contains("no such table"))
        let imported = await fixture.stream(
            .post, "/documents/import", Array(#"{"text":"bcd"}"#.utf8),
            contentType: "application/x-ndjson")
        #expect(try imported.lines().last?["status"] as? String == "stopped")
        #expect(try logged().contains("no such table"))
    }

    /// The answer of an export cannot say what it lacks.
    @Test func anExportLogsWhatItLeavesOut() async throws {
        let fixture = try APIFixture(logger: logger(level: .info), keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/documents", #"[{"id":"a","text":"abc"},{"id":"b","text":"bc"}]"#)
        let file = try DatabaseQueue(path: try #require(fixture.store?.path))
        try await file.write {
            try $0.execute(sql: "UPDATE document_text SET text = 'abd' WHERE text = x'616263'")
        }
        let exported = await fixture.stream(.get, "/documents/export")
        #expect(try exported.lines().map { $0["id"] as? String } == ["b"])
        let errors = lines.objects.compactMap { $0 }.filter { $0["level"] as? String == "error" }
        #expect(errors.count == 2)
        let words = errors.first?["message"] as? String
        #expect(words?.contains(#"the text of the document "a" differs"#) == true)
        #expect(errors.last?["error"] as? String == "damaged, left out: 1")
    }

    @Test func aRequestIsOneLineWithoutItsSecrets() async throws {
        let fixture = try APIFixture(keys: APIKeys(["tell-no-one"]), logger: logger(level: .info))
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let answer = await fixture.post(
            "/embed?secret-query=1", #"{"inputs": "secret text"}"#,
            headers: [
                "authorization": "Bearer tell-no-one", "x-request-id": "mine",
                "traceparent": "00-\(trace)-00f067aa0ba902b7-01",
            ])
        #expect(answer.status == 200)
        #expect(lines.all.count == 1)
        let line = try #require(lines.objects[0])
        #expect(line["request_id"] as? String == "mine")
        #expect(line["trace_id"] as? String == trace)
        #expect(line["method"] as? String == "POST" && line["path"] as? String == "/embed")
        #expect(line["status"] as? Int == 200 && line["inputs"] as? Int == 1)
        #expect(line["model"] is String)
        #expect(line["duration_us"] as? Int ?? -1 >= 0 && line["cache"] as? String == "miss")
        #expect(!lines.all[0].contains("secret") && !lines.all[0].contains("tell-no-one"))
    }

    /// Of what is refused the field is said, unless it is a name that only the client knows.
    @Test func refusedFieldsAreNamed() async throws {
        let fixture = try APIFixture(logger: logger(level: .info), keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/embed", #"{"inputs": ["a", ""]}"#)
        _ = await fixture.post("/documents", #"{"text": "a", "My secret": 1}"#)
        let refused = lines.objects.filter { $0?["status"] as? Int == 422 }
        #expect(refused.map { $0?["field"] as? String } == ["inputs[1]", nil])
        #expect(!lines.all.joined().contains("secret"))
    }

    @Test func wrongKeysAndForgedLinesStayOut() async throws {
        let fixture = try APIFixture(
            golden: nil, keys: APIKeys(["right"]), logger: logger(level: .debug))
        _ = await fixture.send(
            .get, "/a%0Alevel=error%22", headers: ["authorization": "Bearer nearly-right"])
        #expect(lines.objects.count == 1)
        let line = try #require(lines.objects[0])
        #expect(line["path"] as? String == "/a%0Alevel=error%22")
        #expect(line["error_type"] as? String == "Unauthorized")
        #expect(!lines.all[0].contains("nearly-right"))
    }

    /// Only what is our fault is an error.
    @Test func answersThatBreakOff() async throws {
        struct Trouble: Error {}
        let fixture = try APIFixture(logger: logger(level: .info), keeps: true)
        defer { fixture.executor?.stop() }
        let errors: [(any Error, Int, String)] = [
            (RequestBodyError.timeout, 408, "info"), (RequestBodyError.disconnected, 499, "info"),
            (Trouble(), 500, "error"),
        ]
        for (error, status, level) in errors {
            var head = HTTPRequest(
                method: .post, scheme: "http", authority: "a", path: "/documents/import")
            head.headerFields[.contentType] = "application/x-ndjson"
            let response = await fixture.api.answer(
                ServerRequest(head: head, body: RequestBody(pull: { throw error })))
            guard case .stream(let write) = response.body else { continue }
            try? await write(BodyWriter { _ in })
            let line = try #require(lines.objects.last ?? nil)
            #expect(line["status"] as? Int == status && line["level"] as? String == level)
        }
    }

    @Test func probesAreQuiet() async throws {
        let fixture = try APIFixture(golden: nil, logger: logger(level: .info))
        _ = await fixture.send(.get, "/health")
        _ = await fixture.send(.get, "/metrics")
        #expect(lines.all.isEmpty)
    }

    @Test func everyLineOfARequestHasItsID() async {
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "a", path: "/",
            headerFields: [.requestID: "abc"])
        let context = RequestContext(ServerRequest(head: head, body: RequestBody(bytes: [])))
        let logger = logger()
        RequestContext.$current.withValue(context) { logger.info("deep below") }
        logger.info("outside")
        #expect(lines.objects[0]?["request_id"] as? String == "abc")
        #expect(lines.objects[1]?["request_id"] == nil)
    }
}
