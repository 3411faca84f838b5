import BiGSModel
import Foundation
import HTTPTypes
import Serving
import Testing

/// Kept token states: another pooling, fewer dimensions and new spans without encoding again.
@Suite struct KeptStateTests {
    private static let text = "Ab cd ef. Gh ij kl? Mn op"
    private static let poolings = ["mean", "cls", "max", "last-token", "pooler"]

    private func put(
        _ fixture: APIFixture, _ members: String, text: String = text
    ) async -> APIFixture.Answer {
        await fixture.put("/documents/a", #"{"text":"\#(text)"\#(members)}"#)
    }

    private func vector(_ value: Any?) throws -> [Double] {
        try #require((value as? [String: Any])?["embedding"] as? [Double])
    }

    private func expectClose(_ a: [Double], _ b: [Double], within tolerance: Double) {
        #expect(a.count == b.count)
        let scale = max(1, b.map(abs).max() ?? 1)
        for (a, b) in zip(a, b) { #expect(abs(a - b) <= tolerance * scale) }
    }

    /// What a server with another `--pooling` answers for the text, an answer must equal as far as the
    /// kept precision goes.
    @Test(arguments: ["none", "float16", "int8"], [PaddingPolicy.none, .maxLength])
    func theWholeTextByAnotherPooling(states: String, padding: PaddingPolicy) async throws {
        let fixture = try APIFixture(options: LoadingOptions(padding: padding), keeps: true)
        defer { fixture.executor?.stop() }
        #expect(await put(fixture, #","keep_states":"\#(states)""#).status == 201)
        let tolerance = try #require(["none": 0.0, "float16": 2e-3, "int8": 3e-2][states])
        for pooling in Self.poolings {
            let other = try APIFixture(
                options: LoadingOptions(pooling: Pooling(rawValue: pooling), padding: padding))
            defer { other.executor?.stop() }
            let expected = try #require(
                await other.post("/embed", #"{"inputs":"\#(Self.text)","normalize":false}"#)
                    .array.first as? [Double])
            let passes = try #require(fixture.executor?.counts.passes)
            let answer = await fixture.post(
                "/documents/a/chunk",
                #"{"granularity":"document","pooling":"\#(pooling)","normalize":false}"#)
            #expect(answer.status == 200, "\(answer.object)")
            #expect(answer.array.count == 1)
            let passage = try #require(answer.array.first as? [String: Any])
            #expect(passage["granularity"] as? String == "document")
            #expect(passage["start"] as? Int == 0 && passage["end"] as? Int == Self.text.count)
            #expect(passage["text"] as? String == Self.text)
            // The mean is the document's own vector, and all that a pooler reads.
            let isMean = ["mean", "pooler"].contains(pooling)
            let isKept = isMean || states != "none"
            expectClose(try vector(passage), expected, within: isMean ? 0 : tolerance)
            #expect(answer.header("x-cache") == (isKept ? "hit" : "miss"), "\(pooling)")
            #expect(
                fixture.executor?.counts.passes == passes + (isKept ? 0 : 1), "\(pooling)")
        }
    }

    /// A pooler reads the mean, which a model with another pooling has no vector of.
    @Test(arguments: [("float16", "hit"), ("none", "miss")])
    func aPoolerOnStates(states: String, cache: String) async throws {
        let options = { LoadingOptions(pooling: $0, padding: PaddingPolicy.none) }
        let fixture = try APIFixture(options: options(.cls), keeps: true)
        defer { fixture.executor?.stop() }
        let other = try APIFixture(options: options(.pooler))
        defer { other.executor?.stop() }
        #expect(await put(fixture, #","keep_states":"\#(states)""#).status == 201)
        let answer = await fixture.post(
            "/documents/a/chunk",
            #"{"granularity":"document","pooling":"pooler","normalize":false}"#)
        #expect(answer.header("x-cache") == cache)
        let embedded = await other.post(
            "/embed", #"{"inputs":"\#(Self.text)","normalize":false}"#)
        expectClose(
            try vector(answer.array.first), try #require(embedded.array.first as? [Double]),
            within: states == "none" ? 0 : 2e-3)
    }

    @Test(arguments: ["max", "last-token", "cls"])
    func passagesByAnotherPooling(pooling: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let other = try APIFixture(options: LoadingOptions(pooling: Pooling(rawValue: pooling)))
        defer { other.executor?.stop() }
        #expect(await put(fixture, #","keep_states":"float16""#).status == 201)
        let cut = #""granularity":["sentence","document"],"normalize":false"#
        let expected = await other.post("/chunk", #"{"inputs":"\#(Self.text)",\#(cut)}"#).array
        #expect(expected.count == 4)
        let passes = fixture.executor?.counts.passes
        let kept = await fixture.post(
            "/documents/a/chunk", #"{\#(cut),"pooling":"\#(pooling)"}"#)
        #expect(kept.header("x-cache") == "hit" && fixture.executor?.counts.passes == passes)
        // /chunk takes the same names.
        let anew = await fixture.post(
            "/chunk", #"{"inputs":"\#(Self.text)",\#(cut),"pooling":"\#(pooling)"}"#)
        #expect(kept.array.count == 4 && anew.array.count == 4)
        for index in expected.indices {
            let vector = try vector(expected[index])
            expectClose(try self.vector(kept.array[index]), vector, within: 2e-3)
            expectClose(try self.vector(anew.array[index]), vector, within: 0)
        }
    }

    /// Fewer dimensions of the whole text need no states.
    @Test(arguments: ["none", "int8"])
    func fewerDimensions(states: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(await put(fixture, #","keep_states":"\#(states)""#).status == 201)
        let passes = fixture.executor?.counts.passes
        let answer = await fixture.post(
            "/documents/a/chunk", #"{"granularity":"document","dimensions":5}"#)
        #expect(answer.header("x-cache") == "hit" && fixture.executor?.counts.passes == passes)
        let embedded = await fixture.post(
            "/embed", #"{"inputs":"\#(Self.text)","dimensions":5}"#)
        #expect(try vector(answer.array.first) == (embedded.array.first as? [Double]))
        let whole = try #require(answer.array.first as? [String: Any])
        #expect(whole["tokens"] as? Int == whole["input_tokens_used"] as? Int)
        let bytes = await fixture.post(
            "/documents/a/chunk", #"{"granularity":"document","embedding_type":"int8"}"#)
        let whole8 = try #require(bytes.array.first as? [String: Any])
        #expect((whole8["embedding"] as? [Int])?.contains { abs($0) > 1 } == true)
    }

    /// What was not seen is not claimed, whether it is told from states, places or a new pass.
    @Test(arguments: ["none", "float16"])
    func aCutDocumentSaysWhatWasSeen(states: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let text = String(repeating: "a ", count: 200)
        #expect(await put(fixture, #","keep_states":"\#(states)""#, text: text).status == 201)
        for pooling in ["mean", "max"] {
            let answer = await fixture.post(
                "/documents/a/chunk", #"{"granularity":"document","pooling":"\#(pooling)"}"#)
            let whole = try #require(answer.array.first as? [String: Any], "\(answer.object)")
            #expect(whole["end"] as? Int == 251, "\(pooling)")
            #expect(whole["input_tokens"] as? Int == 202)
            #expect(whole["input_tokens_used"] as? Int == 128)
            #expect(answer.header("x-truncated-inputs") == "1")
            #expect(answer.header("x-input-tokens") == "202")
        }
        // Somebody who wants nothing cut is not answered from what was cut.
        let whole = await fixture.post(
            "/documents/a/chunk", #"{"granularity":"document","truncate":false}"#)
        #expect(whole.status == 422)
        let windows = await fixture.post(
            "/documents/a/chunk", #"{"granularity":"document","long":"windows"}"#)
        #expect(windows.header("x-cache") == "miss")
        let embedded = await fixture.post(
            "/embed", #"{"inputs":"\#(text)","long":"windows"}"#)
        #expect(try vector(windows.array.first) == (embedded.array.first as? [Double]))
    }

    @Test func spansAlwaysHaveTheirAnswerAndLieInTheText() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(await put(fixture, #","keep_states":"int8""#).status == 201)
        let answer = await fixture.post("/documents/a/chunk", #"{"spans":[[0,2],[2,3],[3,5]]}"#)
        let passages = try #require(answer.json as? [[String: Any]])
        #expect(passages.map { $0["tokens"] as? Int } == [2, 0, 2])
        #expect(passages[1]["embedding"] is NSNull)
        let wrong = await fixture.post("/documents/a/chunk", #"{"spans":[[0,2],[3,99]]}"#)
        #expect(wrong.status == 422)
        #expect((wrong.object["error"] as? String)?.hasPrefix("spans[1]") == true)
    }

    @Test func wrongPoolingsAndDimensionsAreNamed() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        #expect(await put(fixture, "").status == 201)
        let none = try APIFixture(
            golden: "t1/MaskedLM/torch-safetensors", keeps: true,
            edit: .withoutPooler)
        defer { none.executor?.stop() }
        #expect(await put(none, "").status == 201)
        for (fixture, body, field) in [
            (fixture, #"{"pooling":"sum"}"#, "pooling"), (fixture, #"{"pooling":3}"#, "pooling"),
            (fixture, #"{"pooling":"pooler","granularity":"sentence"}"#, "pooling"),
            (fixture, #"{"granularity":"document","dimensions":65}"#, "dimensions"),
            (fixture, #"{"granularity":"document","dimensions":0}"#, "dimensions"),
            (none, #"{"pooling":"pooler","granularity":"document"}"#, "pooling"),
        ] {
            let kept = await fixture.post("/documents/a/chunk", body)
            #expect(kept.status == 422, "\(body)")
            #expect((kept.object["error"] as? String)?.hasPrefix(field) == true, "\(kept.object)")
            let anew = await fixture.post("/chunk", #"{"inputs":"ab",\#(body.dropFirst())"#)
            #expect(anew.status == 422, "\(body)")
            #expect((anew.object["error"] as? String)?.hasPrefix(field) == true, "\(anew.object)")
        }
    }
}
