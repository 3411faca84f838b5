import BiGSModel
import DocumentStore
import Foundation
import HTTPTypes
import Logging
import Serving
import Testing

/// How a document's text is read is said where it is put, kept with it, and held to from then on.
@Suite struct DocumentOptionTests {
    private static let prompts = DirectoryEdit.prompts(
        #"{"prompts": {"passage": "find me ", "a =%": "what "}, "default_prompt_name": null}"#)
    /// Words of which no two stretches are alike, more than the window holds.
    private static let long = (0..<150).map { number in
        String("abcdefghijklmnopqrstuvwxyz".dropFirst(number % 26).prefix(1 + number / 26))
    }.joined(separator: " ")

    private func fixture(
        pooling: Pooling? = nil, edit: DirectoryEdit = prompts
    ) throws -> APIFixture {
        try APIFixture(
            options: LoadingOptions(pooling: pooling, padding: PaddingPolicy.none), keeps: true,
            edit: edit)
    }

    /// Options as documents and encoding routes take them.
    private static let options = [
        #""prompt_name":"passage""#, #""prompt_name":"a =%""#, #""long":"windows""#,
        #""long":"windows","window_overlap":7,"prompt_name":"passage""#,
        #""truncation_direction":"left""#,
        #""truncation_direction":"left","prompt_name":"passage""#,
    ]

    private func embedded(
        _ fixture: APIFixture, _ options: String
    ) async throws -> [Double] {
        let answer = await fixture.post(
            "/embed", #"{"inputs":"\#(Self.long)",\#(options)}"#,
            headers: ["cache-control": "no-store, no-cache"])
        return try #require(answer.array.first as? [Double], "\(answer.object)")
    }

    private func kept(_ fixture: APIFixture, _ id: String) async throws -> [Double] {
        let answer = await fixture.send(.get, "/documents/\(id)?embedding=true")
        return try #require(answer.object["embedding"] as? [Double], "\(answer.object)")
    }

    @Test(arguments: options)
    func everyRouteThatPutsTakesThem(options: String) async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let expected = try await embedded(fixture, options)
        let document = #""text":"\#(Self.long)",\#(options)"#
        let put = await fixture.send(
            .put, "/documents/put", Array("{\(document)}".utf8), contentType: "application/json")
        #expect(put.status == 201, "\(put.object)")
        let posted = await fixture.post(
            "/documents", #"[{"id":"post",\#(document)},{"id":"plain","text":"\#(Self.long)"}]"#)
        #expect(posted.status == 201, "\(posted.object)")
        let imported = await fixture.stream(
            .post, "/documents/import", Array(#"{"id":"line",\#(document)}"#.utf8),
            contentType: "application/x-ndjson")
        #expect(try imported.lines().last?["stored"] as? Int == 1)
        for id in ["put", "post", "line"] {
            #expect(try await kept(fixture, id) == expected, "\(id)")
        }
        #expect(try await kept(fixture, "plain") != expected)

        // The same again is there; without the options it is another encoding.
        let passes = fixture.executor?.counts.passes
        let again = await fixture.post("/documents", #"{"id":"put",\#(document)}"#)
        #expect(again.object["status"] as? String == "unchanged")
        #expect(fixture.executor?.counts.passes == passes)
        let plain = await fixture.post("/documents", #"{"id":"put","text":"\#(Self.long)"}"#)
        #expect(plain.object["status"] as? String == "replaced")
        #expect(try await kept(fixture, "put") != expected)

        // An export carries them, so that an import elsewhere makes the same.
        let lines = await fixture.stream(.get, "/documents/export").bytes
        let other = try self.fixture()
        defer { other.executor?.stop() }
        _ = await other.stream(
            .post, "/documents/import", lines, contentType: "application/x-ndjson")
        #expect(try await kept(other, "line") == expected)
        #expect(try await other.stream(.get, "/documents/export").lines().count == 4)
    }

    /// An export by a model that has not encoded a document yet has all that it was put with.
    @Test func anExportAfterAChangeOfModelCarriesThem() async throws {
        let first = try fixture()
        defer { first.executor?.stop() }
        let stored = await first.post(
            "/documents",
            #"{"id":"a","text":"some words","chunk":"sentence","keep_states":"int8","#
                + #""prompt_name":"passage"}"#)
        #expect(stored.status == 201, "\(stored.object)")
        let before = await first.stream(.get, "/documents/export")
        let other = try APIFixture(
            options: LoadingOptions(pooling: .max, padding: PaddingPolicy.none),
            sharing: first.store, edit: Self.prompts)
        defer { other.executor?.stop() }
        let after = await other.stream(.get, "/documents/export")
        #expect(after.bytes == before.bytes)
        let line = try #require(try after.lines().first)
        #expect(line["keep_states"] as? String == "int8" && line["chunk"] is [Any])
        #expect(line["model"] as? String == first.loaded?.fingerprintText)
        #expect(line["prompt_name"] as? String == "passage" && line["embedding"] is [Double])
    }

    /// A question about a document is answered as it was put, from states and without them.
    @Test(arguments: options, ["none", "float16"])
    func questionsHoldToThem(options: String, states: String) async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        let max = try self.fixture(pooling: .max)
        defer { max.executor?.stop() }
        let stored = await fixture.post(
            "/documents",
            #"{"id":"a","text":"\#(Self.long)","keep_states":"\#(states)",\#(options)}"#)
        #expect(stored.status == 201, "\(stored.object)")
        let expected = try await embedded(max, options)
        func whole(_ more: String = "") async throws -> (vector: [Double], cache: String?) {
            let answer = await fixture.post(
                "/documents/a/chunk",
                #"{"granularity":"document","pooling":"max"\#(more)}"#)
            let passage = try #require(answer.array.first as? [String: Any], "\(answer.object)")
            return (
                try #require(passage["embedding"] as? [Double]), answer.header("x-cache")
            )
        }
        let asPut = try await whole()
        let isKept = states != "none" && !options.contains("windows")
        #expect(asPut.cache == (isKept ? "hit" : "miss"))
        let scale = expected.map(abs).max() ?? 1
        for (a, b) in zip(asPut.vector, expected) {
            #expect(abs(a - b) <= (isKept ? 2e-3 : 0) * Swift.max(1, scale))
        }
        // Said otherwise, it is read otherwise.
        let otherwise = #","prompt_name":"a =%","long":"windows","window_overlap":3"#
        let other = try await whole(otherwise)
        #expect(other.cache == "miss")
        #expect(try await embedded(max, String(otherwise.dropFirst())) == other.vector)
    }

    /// What the model cannot encode is named, and everything else is moved.
    @Test func aDocumentThatCannotBeMovedHoldsUpNoOther() async throws {
        let first = try fixture()
        defer { first.executor?.stop() }
        _ = await first.post(
            "/documents",
            #"[{"id":"\u00e9","text":"ab","prompt_name":"passage"},{"id":"e\u0301","text":"cd"}]"#)
        let other = try APIFixture(
            options: LoadingOptions(pooling: .max, padding: PaddingPolicy.none),
            sharing: first.store)
        defer { other.executor?.stop() }
        let documents = try DocumentService(
            encoding: EncodingService(
                loaded: #require(other.loaded), executor: #require(other.executor),
                store: first.store, logger: Logger(label: "test")), heads: HeadRegistry())
        var last: ReencodingProgress?
        let refused = try await documents.reencode { last = $0 }
        // The other id is the same text in another normal form.
        #expect(refused.map { Array($0.id.utf8) } == [Array("\u{e9}".utf8)])
        #expect(refused.first.map { "\($0.reason)" }?.contains("passage") == true)
        #expect(last?.done == 1 && last?.total == 2)
        #expect(try await documents.finishReencoding() == false)
        let found = await other.post("/documents/search", #"{"query":"cd"}"#)
        let ids = (found.object["results"] as? [[String: Any]])?.map { $0["id"] as? String ?? "" }
        #expect(ids.map { $0.map { Array($0.utf8) } } == [Array("e\u{301}".utf8)])
    }

    /// A prompt of the same name and another text is another prompt: for what is put again, and for
    /// questions about what was put before. Other documents keep their encodings.
    @Test func aPromptsTextCounts() async throws {
        let first = try fixture()
        defer { first.executor?.stop() }
        let document = #"{"id":"a","text":"some words","prompt_name":"passage"}"#
        let plain = #"{"id":"b","text":"some words"}"#
        _ = await first.post("/documents", "[\(document),\(plain)]")
        let changed = try APIFixture(
            options: LoadingOptions(padding: PaddingPolicy.none), sharing: first.store,
            edit: .prompts(#"{"prompts": {"passage": "look for "}}"#))
        defer { changed.executor?.stop() }
        func whole(_ fixture: APIFixture) async -> String? {
            await fixture.post("/documents/a/chunk", #"{"granularity":"document"}"#)
                .header("x-cache")
        }
        #expect(await whole(first) == "hit")
        #expect(await whole(changed) == "miss")
        let before = try await kept(changed, "a")
        let again = await changed.post("/documents", "[\(document),\(plain)]")
        let statuses = (again.object["documents"] as? [[String: Any]])?.map {
            $0["status"] as? String
        }
        #expect(statuses == ["replaced", "unchanged"], "\(again.object)")
        let expected = await changed.post(
            "/embed", #"{"inputs":"look for some words"}"#)
        #expect(try await kept(changed, "a") == expected.array.first as? [Double])
        #expect(try await kept(changed, "a") != before)
        #expect(await whole(changed) == "hit")
    }

    /// Whose poolings leave prompts out, their kept states do, too.
    @Test(arguments: [#""long":null"#, #""truncation_direction":"left""#])
    func keptStatesLeaveOutPromptsAsTheModelDoes(options: String) async throws {
        let edit = DirectoryEdit { directory in
            try Self.prompts.apply(directory)
            let folder = directory.appending(path: "1_Pooling")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(#"{"pooling_mode_cls_token": true, "include_prompt": false}"#.utf8)
                .write(to: folder.appending(path: "config.json"))
        }
        let options = options + #","prompt_name":"passage""#
        let fixture = try fixture(edit: edit)
        defer { fixture.executor?.stop() }
        for text in [Self.long, "ab cd", (0..<122).map { _ in "a" }.joined(separator: " ")] {
            _ = await fixture.post(
                "/documents",
                #"{"id":"a","text":"\#(text)","keep_states":"float16",\#(options)}"#)
            for pooling in ["mean", "max"] {
                let other = try self.fixture(pooling: Pooling(rawValue: pooling), edit: edit)
                defer { other.executor?.stop() }
                let expected = try #require(
                    await other.post(
                        "/embed", #"{"inputs":"\#(text)","normalize":false,\#(options)}"#
                    ).array.first as? [Double])
                let answer = await fixture.post(
                    "/documents/a/chunk",
                    #"{"granularity":"document","pooling":"\#(pooling)","normalize":false}"#)
                #expect(answer.header("x-cache") == "hit")
                let passage = try #require(answer.array.first as? [String: Any])
                let vector = try #require(passage["embedding"] as? [Double])
                for (a, b) in zip(vector, expected) { #expect(abs(a - b) <= 4e-3) }
            }
        }
    }

    @Test func wrongOnesAreNamed() async throws {
        let fixture = try fixture()
        defer { fixture.executor?.stop() }
        for (options, field) in [
            (#""prompt_name":"nobody""#, "prompt_name"), (#""long":"cut""#, "long"),
            (#""long":"windows","window_overlap":-1"#, "window_overlap"),
            (#""long":"windows","window_overlap":126"#, "window_overlap"),
            (#""truncation_direction":"up""#, "truncation_direction"),
            (#""prompt_name":3"#, "prompt_name"),
        ] {
            let single = await fixture.post(
                "/documents", #"{"text":"\#(Self.long)",\#(options)}"#)
            #expect(single.status == 422, "\(options)")
            let error = single.object["error"] as? String ?? ""
            #expect(error.hasPrefix(field), "\(error)")
        }
        // One that cannot be encoded does not touch those beside it.
        let windows = #""long":"windows","window_overlap":125"#
        let far = (0..<5_000).map { _ in "a" }.joined(separator: " ")
        let lines = """
            {"id":"a","text":"ab cd",\(windows)}
            {"id":"b","text":"\(far)",\(windows)}
            {"id":"c","text":"ef gh",\(windows)}
            """
        let imported = try await fixture.stream(
            .post, "/documents/import", Array(lines.utf8), contentType: "application/x-ndjson"
        ).lines()
        #expect(
            imported.map { $0["status"] as? String } == ["stored", "error", "stored", "done"])
        #expect((imported[1]["error"] as? String)?.hasPrefix("window_overlap") == true)
        let list = await fixture.post(
            "/documents", #"[{"text":"ab"},{"text":"cd","prompt_name":"nobody"}]"#)
        #expect((list.object["error"] as? String)?.hasPrefix("documents[1].prompt_name") == true)
    }
}
