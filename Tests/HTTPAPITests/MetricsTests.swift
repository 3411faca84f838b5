import CoreMetrics
import Foundation
import HTTPServer
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

@Suite struct MetricsTests {
    /// The value of a series in an exposition.
    private func value(_ series: String, in text: String) -> Double? {
        for line in text.split(separator: "\n") where line.hasPrefix(series + " ") {
            return Double(line.dropFirst(series.utf8.count + 1))
        }
        return nil
    }

    private func scrape(_ fixture: APIFixture) async -> String {
        String(decoding: await fixture.send(.get, "/metrics").bytes, as: UTF8.self)
    }

    @Test func requestsAreCountedAsTextEmbeddingsInferenceDoes() async throws {
        let fixture = try APIFixture { $0.maximumClientBatchSize = 2 }
        _ = await fixture.post("/embed", #"{"inputs": "one"}"#)
        _ = await fixture.post("/embed", #"{"inputs": ["one", "two"]}"#)
        _ = await fixture.post("/embed", #"{"inputs": ["one", "two", "three"]}"#)
        _ = await fixture.post("/embed", #"{"inputs": [1, 99999]}"#)
        _ = await fixture.post("/embed", "{")
        _ = await fixture.post("/predict", #"{"inputs": [["a"], ["a", "b"]]}"#)
        let text = await scrape(fixture)
        for (series, expected) in [
            (#"te_request_count{method="single"}"#, 2.0),
            (#"te_request_count{method="batch"}"#, 3),
            (#"te_request_success{method="single"}"#, 1),
            (#"te_request_success{method="batch"}"#, 2),
            (#"te_request_failure{err="batch_size"}"#, 1),
            (#"te_request_failure{err="validation"}"#, 1),
            (#"te_request_failure{err="malformed"}"#, 1),
            ("te_embed_success", 3), ("te_predict_success", 2), ("te_predict_count", 2),
            ("te_request_duration_count", 3), ("te_embed_duration_count", 3),
            ("te_request_input_length_count", 5), ("te_request_queue_duration_count", 3),
            (#"bigs_http_requests_total{method="POST",route="/embed",status="200"}"#, 2),
            (#"bigs_http_requests_total{method="POST",route="/embed",status="422"}"#, 2),
            (#"bigs_http_requests_total{method="POST",route="/embed",status="400"}"#, 1),
            (#"bigs_stage_duration_seconds_count{stage="inference"}"#, 3),
            ("bigs_cache_misses_total", 5), ("bigs_cache_hits_total", 0), ("bigs_ready", 1),
            ("bigs_queue_tokens", 0), ("bigs_store_open", 0), ("bigs_http_requests_in_flight", 1),
        ] {
            #expect(value(series, in: text) == expected, "\(series)")
        }
        #expect(value("process_resident_memory_bytes", in: text) ?? 0 > 1e6)
        #expect(text.contains(#"bigs_model_info{fingerprint=""#))
    }

    /// A label, a pair, a query and a window are looked up too; they are no texts of the request.
    @Test(arguments: [
        "t1/SequenceClassification/torch-safetensors", "t1/MaskedLM/torch-safetensors",
    ])
    func hitsAndMissesAreOfWhatIsLookedUp(golden: String) async throws {
        let fixture = try APIFixture(golden: golden, keeps: true)
        defer { fixture.executor?.stop() }
        let labels = #"{"input": "a", "candidate_labels": ["b", "c", "d", "e", "f"]}"#
        for _ in 0..<3 { _ = await fixture.post("/classify", labels) }
        var text = await scrape(fixture)
        let lookups = golden.contains("MaskedLM") ? 6.0 : 5.0
        #expect(value("bigs_cache_misses_total", in: text) == lookups)
        #expect(value("bigs_cache_hits_total", in: text) == 2 * lookups)
        let ranking = #"{"query": "x", "texts": ["y", "z"]}"#
        for _ in 0..<2 { _ = await fixture.post("/rerank", ranking) }
        text = await scrape(fixture)
        #expect(value("bigs_cache_misses_total", in: text) == lookups + 3)
        #expect(value("bigs_cache_hits_total", in: text) == 2 * lookups + 3)
    }

    /// What documents take counts, too.
    @Test func documentsAreCounted() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        var tokens = 0.0
        var truncated = 0.0
        func expect(_ more: Double, _ cut: Double, _ what: String) async {
            let text = await scrape(fixture)
            tokens += more
            truncated += cut
            #expect(value("bigs_tokens_total", in: text) == tokens, "\(what)")
            #expect(value("bigs_truncated_inputs_total", in: text) == truncated, "\(what)")
        }
        let long = String(repeating: "a ", count: 300)
        _ = await fixture.post(
            "/documents", #"[{"id":"a","text":"abc"},{"id":"b","text":"\#(long)"}]"#)
        await expect(5 + 128, 1, "put")
        _ = await fixture.stream(
            .post, "/documents/import", Array(#"{"text":"abcd"}"#.utf8),
            contentType: "application/x-ndjson")
        await expect(6, 0, "import")
        _ = await fixture.post("/documents/search", #"{"query":"abcde"}"#)
        await expect(7, 0, "search")
        _ = await fixture.post("/documents/a/chunk", #"{"granularity":"sentence"}"#)
        await expect(5, 0, "chunk")
        _ = await fixture.post("/documents/search", #"{"query":"abcde","where":{}}"#)
        await expect(0, 0, "refused")
    }

    @Test func whatSucceedsIsWhatCame() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        _ = await fixture.post("/rerank", #"{"query": "x", "texts": ["y", "z"]}"#)
        _ = await fixture.post(
            "/similarity", #"{"inputs": {"source_sentence": "x", "sentences": ["y"]}}"#)
        let text = await scrape(fixture)
        for (prefix, count) in [("te_predict", 2.0), ("te_embed", 1)] {
            for name in ["count", "success", "duration_count", "inference_duration_count"] {
                #expect(value("\(prefix)_\(name)", in: text) == count, "\(prefix)_\(name)")
            }
        }
    }

    // MARK: - Streamed answers

    /// Runs a streamed answer to its end; `write` takes its pieces.
    private func stream(
        _ fixture: APIFixture, _ path: String, _ body: RequestBody, contentType: String,
        write: @escaping @Sendable ([UInt8]) async throws -> Void = { _ in }
    ) async throws {
        var head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: path)
        head.headerFields[.contentType] = contentType
        let response = await fixture.api.answer(ServerRequest(head: head, body: body))
        guard case .stream(let closure) = response.body else {
            Issue.record("\(path) was not streamed")
            return
        }
        try await closure(BodyWriter(send: write))
    }

    /// What leaves in place of an answer is what counts, and once.
    @Test(arguments: [
        (RequestBodyError.timeout, 408), (.malformed, 400), (.disconnected, 499),
    ])
    func answersThatBreakOffAreCountedAsWhatWasSent(error: RequestBodyError, status: Int)
        async throws
    {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        await #expect(throws: error) {
            try await stream(
                fixture, "/documents/import", RequestBody(pull: { throw error }),
                contentType: "application/x-ndjson")
        }
        var refusal = Refusal(
            status: .init(code: status), errorType: "Timeout", message: "late",
            path: "/documents/import", requestID: "1")
        refusal.replacesAnswer = true
        _ = fixture.api.answer(to: refusal)
        let text = await scrape(fixture)
        let series = text.split(separator: "\n").filter {
            $0.hasPrefix("bigs_http_requests_total")
        }
        let label = #"{method="POST",route="/documents/import",status="\#(status)"}"#
        #expect(series == ["bigs_http_requests_total\(label) 1"])
    }

    @Test func aClientThatLeavesIsNoError() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let text = String(repeating: "ab ", count: 20_000)
        await #expect(throws: BodyWriterError.disconnected) {
            try await stream(
                fixture, "/tokenize", RequestBody(bytes: Array(#"{"inputs": "\#(text)"}"#.utf8)),
                contentType: "application/json", write: { _ in throw BodyWriterError.disconnected })
        }
        try await stream(
            fixture, "/tokenize", RequestBody(bytes: Array(#"{"inputs": "\#(text)"}"#.utf8)),
            contentType: "application/json")
        let counted = await scrape(fixture)
        for status in ["200", "499"] {
            let label = #"{method="POST",route="/tokenize",status="\#(status)"}"#
            #expect(value("bigs_http_requests_total\(label)", in: counted) == 1)
        }
    }

    /// One whose client left before there was an answer has the same status as one that broke off.
    @Test(.timeLimit(.minutes(1))) func aClientThatLeavesWhileItWaitsIsNoError() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        var head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/embed")
        head.headerFields[.contentType] = "application/json"
        let body = RequestBody(pull: {
            begins.yield()
            try await Task.sleep(for: .seconds(60))
            return nil
        })
        let request = ServerRequest(head: head, body: body)
        let waiting = Task { await fixture.api.answer(request) }
        for await _ in begun { break }
        waiting.cancel()
        _ = await waiting.value
        let label = #"{method="POST",route="/embed",status="499"}"#
        let counted = await scrape(fixture)
        #expect(value("bigs_http_requests_total\(label)", in: counted) == 1)
    }

    /// One that closes in the middle of its body has left, too; when the server stops, it is the server
    /// that cut it off, and the client may ask another one.
    @Test(arguments: [(false, 400, "499"), (true, 503, "503")])
    func aBodyThatIsCutOff(isDraining: Bool, status: Int, counted: String) async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        if isDraining { fixture.readiness.startDraining() }
        var head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/embed")
        head.headerFields[.contentType] = "application/json"
        let request = ServerRequest(
            head: head,
            body: RequestBody(pull: {
                if isDraining { withUnsafeCurrentTask { $0?.cancel() } }
                throw RequestBodyError.disconnected
            }))
        let response = await Task { await fixture.api.answer(request) }.value
        #expect(response.status.code == status)
        #expect((response.headers[.retryAfter] != nil) == isDraining)
        let label = #"{method="POST",route="/embed",status="\#(counted)"}"#
        let text = await scrape(fixture)
        #expect(value("bigs_http_requests_total\(label)", in: text) == 1, "\(text)")
    }

    @Test func unknownPathsAreOneSeries() async throws {
        let fixture = try APIFixture(golden: nil)
        for index in 0..<50 { _ = await fixture.send(.get, "/nowhere/\(index)") }
        let text = await scrape(fixture)
        let series = #"bigs_http_requests_total{method="other",route="none",status="404"}"#
        #expect(value(series, in: text) == 50)
        #expect(!text.contains("nowhere"))
    }

    @Test func everyFamilyHasItsDescription() async throws {
        let fixture = try APIFixture()
        _ = await fixture.post("/embed", #"{"inputs": "one"}"#)
        let answer = await fixture.send(.get, "/metrics")
        #expect(answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        let text = String(decoding: answer.bytes, as: UTF8.self)
        #expect(!text.contains("No description"))
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count && types.count > 30)
    }

    @Test func histogramsAreCumulativeAndAgree() throws {
        let registry = MetricsRegistry()
        let cell = registry.histogram("te_batch_next_size")
        for value in [0.5, 1, 1.5, 2, 4_096, 5_000, .infinity, .nan] { cell.record(value) }
        let text = String(decoding: registry.text(), as: UTF8.self)
        func bucket(_ bound: String) -> Double? {
            value(#"te_batch_next_size_bucket{le="\#(bound)"}"#, in: text)
        }
        #expect(bucket("1") == 2)
        #expect(bucket("2") == 4)
        #expect(bucket("4096") == 5)
        #expect(bucket("+Inf") == 6)
        #expect(value("te_batch_next_size_count", in: text) == 6)
        #expect(value("te_batch_next_size_sum", in: text) == 9_101)
    }

    @Test func durationsReachTwoMinutes() {
        let bounds = MetricCatalog.durations
        #expect(bounds.first == 0.000015 && bounds.last == 120)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        #expect(bounds.count == 41)
    }

    @Test func labelsAreEscapedAndNamesMadeValid() {
        let registry = MetricsRegistry()
        registry.counter("a.b-c", [("x", "say \"\\\n\"")]).increment(by: 2)
        let text = String(decoding: registry.text(), as: UTF8.self)
        #expect(text.contains(#"a_b_c{x="say \"\\\n\""} 2"#))
        #expect(MetricsText.name("9lives") == "_lives")
    }

    @Test func seriesAreBounded() {
        let registry = MetricsRegistry()
        for index in 0..<5_000 {
            registry.counter("many", [("n", String(index))]).increment(by: 1)
        }
        let lines = String(decoding: registry.text(), as: UTF8.self).split(separator: "\n")
        #expect(lines.count <= MetricsRegistry.maximumSeries + 3)
        #expect(lines.contains { $0.hasPrefix(#"many{overflow="true"}"#) })
    }

    @Test func countersKeepUpWithManyTasks() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = registry.makeCounter(label: "c", dimensions: [])
                    let timer = registry.makeTimer(label: "t", dimensions: [])
                    for _ in 0..<2_000 {
                        counter.increment(by: 1)
                        timer.recordNanoseconds(1_000_000_000)
                    }
                }
            }
        }
        let text = String(decoding: registry.text(), as: UTF8.self)
        #expect(value("c", in: text) == 16_000)
        #expect(value("t_sum", in: text) == 16_000)
        #expect(value("t_count", in: text) == 16_000)
    }
}
