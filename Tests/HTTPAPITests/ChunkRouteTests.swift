import BiGSModel
import Foundation
import HTTPAPI
import HTTPServer
import HTTPTypes
import Serving
import Synchronization
import Testing

@Suite struct ChunkRouteTests {
    private func fixture() throws -> APIFixture {
        try APIFixture(options: LoadingOptions(padding: PaddingPolicy.none))
    }

    private func slice(_ text: String, _ passage: [String: Any]) throws -> String {
        let start = try #require(passage["start"] as? Int)
        let end = try #require(passage["end"] as? Int)
        var view = String.UnicodeScalarView()
        view.append(contentsOf: Array(text.unicodeScalars)[start..<end])
        return String(view)
    }

    private func body(_ text: String, _ rest: String = "") throws -> String {
        let data = try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed)
        return "{\"inputs\": \(String(decoding: data, as: UTF8.self))\(rest)}"
    }

    /// Texts of many scripts: every passage is the slice of the text at its offsets.
    @Test(arguments: [
        "Ab c. De f! Gh?", "é a\u{301}b。 xyz！ 😀👨‍👩‍👧 ab. cd", "a\r\n\r\nb\u{2029}c d\n \ne",
        "नमस्ते। abc", "a\u{FEFF}bc. \u{200B}Def",
    ])
    func offsetsAreRightForEveryText(text: String) async throws {
        let fixture = try fixture()
        let answer = await fixture.post(
            "/chunk",
            try body(
                text,
                """
                , "granularity": ["sentence", "paragraph", "line", "tokens"], "size": 2,
                "overlap": 1, "return_text": true
                """))
        #expect(answer.status == 200)
        let passages = try #require(answer.json as? [[String: Any]])
        #expect(
            Set(passages.compactMap { $0["granularity"] as? String })
                == ["sentence", "paragraph", "line", "tokens"])
        for passage in passages {
            #expect(try slice(text, passage) == passage["text"] as? String)
            #expect((passage["embedding"] as? [Double])?.count == 64)
            #expect(try #require(passage["tokens"] as? Int) > 0)
        }
    }

    @Test func aPassageIsTheMeanOfItsTokensStates() async throws {
        let fixture = try fixture()
        let text = "abc de. Fg hij"
        let states = try #require(
            await fixture.post("/embed_all", try body(text)).json as? [[[Double]]])[0]
        let answer = await fixture.post("/chunk", try body(text, #", "normalize": false"#))
        let passages = try #require(answer.json as? [[String: Any]])
        #expect(passages.map { $0["tokens"] as? Int } == [6, 5])
        var row = 1
        for passage in passages {
            let count = try #require(passage["tokens"] as? Int)
            let vector = try #require(passage["embedding"] as? [Double])
            for column in 0..<64 {
                let mean =
                    states[row..<row + count].reduce(0) { $0 + $1[column] } / Double(count)
                #expect(abs(vector[column] - mean) < 1e-6)
            }
            row += count
        }
        #expect(answer.header("x-compute-tokens") == "13")
        #expect(answer.header("x-truncated-inputs") == "0")
    }

    @Test func callersSpansAlwaysHaveTheirAnswer() async throws {
        let fixture = try fixture()
        let answer = await fixture.post(
            "/chunk", #"{"inputs": "ab  cd", "spans": [[0, 2], [2, 4], [1, 5]]}"#)
        #expect(answer.status == 200)
        let passages = try #require(answer.json as? [[String: Any]])
        #expect(passages.map { $0["tokens"] as? Int } == [2, 0, 2])
        #expect(passages[1]["embedding"] is NSNull)
        let several = await fixture.post(
            "/chunk",
            #"{"inputs": ["ab", "cd ef"], "spans": [[[0, 1]], [[0, 2], [3, 5]]], "granularity": "spans"}"#
        )
        #expect(try #require(several.json as? [[[String: Any]]]).map(\.count) == [1, 2])
        for (rest, field) in [
            (#", "spans": [[0, 3]]"#, "spans[0]"), (#", "spans": [[0, 1], [1, 1]]"#, "spans[1]"),
            (#", "spans": [[-1, 1]]"#, "spans[0]"), (#", "spans": [[0]]"#, "spans[0]"),
            (#", "spans": 3"#, "spans"), (#", "granularity": "spans""#, "spans"),
            (#", "granularity": "sentence", "spans": [[0, 1]]"#, "spans"),
            (#", "granularity": "word""#, "granularity"), (#", "granularity": []"#, "granularity"),
            (#", "granularity": "tokens", "size": 0"#, "size"),
            (#", "granularity": "tokens", "size": 4, "overlap": 4"#, "overlap"),
            (#", "dimensions": 65"#, "dimensions"),
            (#", "embedding_type": "int4""#, "embedding_type"),
        ] {
            let bad = await fixture.post("/chunk", #"{"inputs": "ab"\#(rest)}"#)
            #expect(bad.status == 422, "\(rest)")
            #expect((bad.object["error"] as? String)?.hasPrefix(field) == true, "\(rest)")
        }
    }

    @Test func oneLongTextInWindowsOrCut() async throws {
        let fixture = try fixture()
        let text = (0..<100).map { "Abc d\($0 % 10)." }.joined(separator: " ")
        let cut = await fixture.post("/chunk", try body(text))
        #expect(cut.header("x-truncated-inputs") == "1")
        let seen = try #require(cut.json as? [[String: Any]])
        #expect(seen.count < 30)
        let whole = await fixture.post("/chunk", try body(text, #", "long": "windows""#))
        #expect(whole.header("x-truncated-inputs") == "0")
        let passages = try #require(whole.json as? [[String: Any]])
        #expect(passages.count == 100)
        for (index, passage) in passages.enumerated() {
            #expect(try slice(text, passage) == "Abc d\(index % 10).")
        }
        let refused = await fixture.post("/chunk", try body(text, #", "truncate": false"#))
        #expect(refused.status == 422)
        let overlap = await fixture.post(
            "/chunk", try body(text, #", "long": "windows", "window_overlap": 126"#))
        #expect(overlap.status == 422)
        #expect((overlap.object["error"] as? String)?.hasPrefix("window_overlap") == true)
        let negative = await fixture.post(
            "/chunk", try body(text, #", "long": "windows", "window_overlap": -1"#))
        #expect(negative.status == 422)
        let unknown = await fixture.post("/chunk", try body(text, #", "long": "cut""#))
        #expect(unknown.status == 422)
    }

    @Test func aPoolersVectorsHaveNoPassages() async throws {
        let fixture = try APIFixture(options: LoadingOptions(pooling: .pooler))
        let answer = await fixture.post("/chunk", #"{"inputs": "ab"}"#)
        #expect(answer.status == 422)
        #expect((answer.object["error"] as? String)?.contains("pooler") == true)
    }

    @Test func statesOfEveryToken() async throws {
        let fixture = try fixture()
        let answer = await fixture.post("/embed_all", #"{"inputs": ["abc", "d"]}"#)
        #expect(answer.status == 200)
        let texts = try #require(answer.json as? [[[Double]]])
        #expect(texts.map(\.count) == [5, 3] && texts[0][0].count == 64)
        let pooled = try #require(
            await fixture.post("/embed", #"{"inputs": "abc", "normalize": false}"#).json
                as? [[Double]])[0]
        for column in 0..<64 {
            let mean = texts[0].reduce(0) { $0 + $1[column] } / 5
            #expect(abs(mean - pooled[column]) < 1e-5)
        }
        for rest in [#""normalize": true"#, #""dimensions": 3"#] {
            #expect(await fixture.post("/embed_all", #"{"inputs": "a", \#(rest)}"#).status == 422)
        }
    }

    /// More than fits one piece is streamed, with the same meaning.
    @Test func manyStatesAreStreamed() async throws {
        let fixture = try fixture()
        let text = String(repeating: "ab ", count: 60)
        let inputs = Array(repeating: "\"\(text)\"", count: 32).joined(separator: ",")
        var head = HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/embed_all")
        head.headerFields[.contentType] = "application/json"
        let longer = Array(repeating: "\"\(text) \(text)\"", count: 31).joined(separator: ",")
        let response = await fixture.api.answer(
            ServerRequest(
                head: head,
                body: RequestBody(
                    bytes: Array(
                        #"{"long": "windows", "inputs": [\#(longer), \#(inputs.prefix(text.count + 2))]}"#
                            .utf8))))
        #expect(response.status.code == 200)
        guard case .stream(let write) = response.body else {
            Issue.record("the answer was not streamed")
            return
        }
        let bytes = Mutex<[UInt8]>([])
        try await write(BodyWriter { piece in bytes.withLock { $0 += piece } })
        let texts = try #require(
            JSONSerialization.jsonObject(with: Data(bytes.withLock { $0 })) as? [[[Double]]])
        #expect(texts.map(\.count) == Array(repeating: 242, count: 31) + [122])
        #expect(texts.allSatisfy { $0.allSatisfy { $0.count == 64 } })
    }

    /// A word of any length is one token, and spans may say it again and again.
    @Test func passagesOfTooManyCharactersAreRefused() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        defer { fixture.executor?.stop() }
        let word = String(repeating: "a", count: 100_000)
        let spans = Array(repeating: "[0,100000]", count: 400).joined(separator: ",")
        let answer = await fixture.post(
            "/chunk", #"{"inputs":"\#(word)","spans":[\#(spans)],"return_text":true}"#)
        #expect(answer.status == 422)
        #expect((answer.object["error"] as? String)?.contains("40000000 characters") == true)
        let half = spans.prefix(200 * 11 - 1)
        let all = await fixture.post(
            "/chunk", #"{"inputs":["\#(word)","\#(word)"],"spans":[[\#(half)],[\#(half)]]}"#)
        #expect(all.status == 422, "the texts of a request count together")
        let fitting = await fixture.post("/chunk", #"{"inputs":"\#(word)","spans":[\#(half)]}"#)
        #expect(fitting.status == 200)
    }
}
