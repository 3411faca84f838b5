import Foundation
import HTTPTypes
import Serving
import Testing

/// How texts are cut: the same words, limits and errors on every route.
@Suite struct PassageCutTests {
    private let text = "Ab cd. Ef\ngh. Ij"

    /// The three routes that cut, each with the fields under their own names.
    private func refusals(_ fixture: APIFixture, _ members: String) async -> [APIFixture.Answer] {
        let text = text.replacing("\n", with: "\\n")
        return [
            await fixture.post("/chunk", #"{"inputs":"\#(text)",\#(members)}"#),
            await fixture.post("/documents/a/chunk", "{\(members)}"),
            await fixture.post("/documents", #"{"text":"\#(text)","chunk":{\#(members)}}"#),
        ]
    }

    private func stored() async throws -> APIFixture {
        let fixture = try APIFixture(keeps: true)
        let text = text.replacing("\n", with: "\\n")
        let answer = await fixture.post(
            "/documents", #"{"id":"a","text":"\#(text)","keep_states":"float16"}"#)
        #expect(answer.status == 201)
        return fixture
    }

    @Test func wrongCutsAreNamedAlike() async throws {
        let fixture = try await stored()
        defer { fixture.executor?.stop() }
        let spans = (0...16_384).map { _ in "[0,1]" }.joined(separator: ",")
        for (members, field, reason) in [
            (#""granularity":"page""#, "granularity", "expected document, sentence, paragraph"),
            (#""granularity":"tokens","size":0"#, "size", "expected 1 or more, got 0"),
            (#""granularity":"tokens","size":4,"overlap":4"#, "overlap", "expected 0 to 3, got 4"),
            (#""granularity":"tokens","overlap":256"#, "overlap", "expected 0 to 255, got 256"),
            (#""granularity":"spans""#, "spans", "is missing"),
            (#""spans":[[0,1],[1]]"#, "spans[1]", "expected [start, end]"),
            (#""spans":[[2,2]]"#, "spans[0]", "expected [start, end]"),
            (#""spans":[[-1,2]]"#, "spans[0]", "expected [start, end]"),
            (#""spans":[[0,1],[0,17]]"#, "spans[1]", "does not end within the text's 16"),
            ("\"spans\":[\(spans)]", "spans", "has 16385 entries; at most 16384 are allowed"),
        ] {
            for (answer, prefix) in zip(
                await refusals(fixture, members), ["", "", "chunk."])
            {
                #expect(answer.status == 422, "\(members.prefix(60))")
                let error = answer.object["error"] as? String ?? ""
                #expect(error.hasPrefix("\(prefix)\(field): \(reason)"), "\(error)")
            }
        }
    }

    /// The limit holds for all texts of a request together.
    @Test func manySpansAreTakenUpToTheLimit() async throws {
        let fixture = try await stored()
        defer { fixture.executor?.stop() }
        func spans(_ count: Int) -> String {
            "[" + (0..<count).map { _ in "[0,1]" }.joined(separator: ",") + "]"
        }
        let kept = await fixture.post(
            "/documents/a/chunk", #"{"spans":\#(spans(16_384)),"dimensions":1}"#)
        #expect(kept.status == 200 && kept.array.count == 16_384)
        let two = #"{"inputs":["ab","cd"],"dimensions":1,"spans":"#
        let most = await fixture.post("/chunk", two + "[\(spans(8_192)),\(spans(8_192))]}")
        #expect(most.status == 200)
        let more = await fixture.post("/chunk", two + "[\(spans(8_192)),\(spans(8_193))]}")
        #expect(more.status == 422)
        #expect((more.object["error"] as? String)?.contains("16385") == true)
    }

    @Test func everyGranularityIsTakenEverywhere() async throws {
        let fixture = try await stored()
        defer { fixture.executor?.stop() }
        let granularities = #"["document","sentence","paragraph","line","tokens","sentence"]"#
        let details = #""size":3,"overlap":1,"join_lines":true"#
        let text = text.replacing("\n", with: "\\n")
        let anew = await fixture.post(
            "/chunk",
            #"{"inputs":"\#(text)","granularity":\#(granularities),"return_text":true,\#(details)}"#
        )
        let kept = await fixture.post(
            "/documents/a/chunk", #"{"granularity":\#(granularities),\#(details)}"#)
        let put = await fixture.post(
            "/documents",
            """
            {"id":"b","text":"\(text)","chunk":["document",
            {"granularity":"sentence","join_lines":true},"paragraph","line",
            {"granularity":"tokens",\(details)},{"granularity":"sentence","join_lines":true}]}
            """)
        #expect(put.status == 201, "\(put.object)")
        let stored = await fixture.send(.get, "/documents/b?passages=1").object["passages"]
        func places(_ value: Any?) throws -> [String] {
            try #require(value as? [[String: Any]]).map {
                "\($0["granularity"] ?? "") \($0["start"] ?? "")-\($0["end"] ?? ""): "
                    + "\($0["text"] ?? "")"
            }
        }
        let expected = try places(anew.json)
        #expect(expected.contains("document 0-16: \(self.text)"))
        #expect(expected.contains("sentence 7-13: Ef\ngh."))
        #expect(try places(kept.json) == expected && places(stored) == expected)
        // What a document was put with comes out of an export as it went in.
        let line = try await fixture.stream(.get, "/documents/export").lines()
            .first { $0["id"] as? String == "b" }
        let chunk = try #require(line?["chunk"] as? [[String: Any]])
        #expect(chunk.map { $0["join_lines"] as? Bool } == [nil, true, nil, nil, nil])
        let twice = await fixture.post(
            "/documents", #"{"text":"a","chunk":[{"size":3},{"size":4}]}"#)
        #expect(twice.status == 422)
        #expect((twice.object["error"] as? String)?.hasPrefix("chunk: names tokens twice") == true)
    }
}
