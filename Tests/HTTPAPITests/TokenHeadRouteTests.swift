import Foundation
import HTTPAPI
import HTTPTypes
import Serving
import Testing

@Suite struct TokenHeadRouteTests {
    @Test func masksAreFilled() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let answer = await fixture.post("/fill-mask", #"{"inputs": "ab [MASK] c"}"#)
        #expect(answer.status == 200)
        let candidates = try #require(answer.json as? [[String: Any]])
        #expect(candidates.count == 5)
        let scores = candidates.compactMap { $0["score"] as? Double }
        #expect(scores == scores.sorted(by: >) && scores.allSatisfy { $0 > 0 && $0 < 1 })
        let all = try #require(
            await fixture.post("/fill-mask", #"{"inputs": "ab [MASK] c", "top_k": 256}"#).json
                as? [[String: Any]])
        #expect(all.count == 256)
        #expect(abs(all.compactMap { $0["score"] as? Double }.reduce(0, +) - 1) < 1e-5)
        let x = try #require(all.first { $0["token_str"] as? String == "x" })
        #expect(x["sequence"] as? String == "ab x c")
        let targets = try #require(
            await fixture.post(
                "/fill-mask", #"{"inputs": "ab [MASK] c", "targets": ["x", "yz"], "top_k": 9}"#
            ).json as? [[String: Any]])
        // "yz" is no token: its first piece stands for it.
        #expect(Set(targets.compactMap { $0["token_str"] as? String }) == ["x", "y"])
        #expect(
            targets.first { $0["token_str"] as? String == "x" }?["score"] as? Double
                == x["score"] as? Double)
        let several = await fixture.post(
            "/fill-mask", #"{"inputs": ["a [MASK]", "[MASK] b [MASK]"], "top_k": 1}"#)
        let lists = try #require(several.json as? [Any])
        #expect((lists[0] as? [[String: Any]])?.count == 1)
        let masks = try #require(lists[1] as? [[[String: Any]]])
        #expect(masks.map(\.count) == [1, 1])
        // The other mask stays to be seen, and so do the tokens around the text.
        #expect((masks[0][0]["sequence"] as? String)?.hasSuffix("b [MASK] [SEP]") == true)
    }

    @Test func textsWithoutAMaskAreRefused() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        let long = String(repeating: "a ", count: 200) + "[MASK]"
        for (body, field) in [
            (#"{"inputs": ["[MASK]", "abc"]}"#, "inputs[1]"),
            (#"{"inputs": "\#(long)"}"#, "inputs"),
            (#"{"inputs": "[MASK]", "targets": []}"#, "targets"),
            (#"{"inputs": "[MASK]", "targets": ["a", " "]}"#, "targets[1]"),
            (#"{"inputs": "[MASK]", "top_k": 0}"#, "top_k"),
            (#"{"inputs": "[MASK]", "top_k": 1001}"#, "top_k"),
        ] {
            let answer = await fixture.post("/fill-mask", body)
            #expect(answer.status == 422, "\(body.prefix(60))")
            #expect(
                (answer.object["error"] as? String)?.hasPrefix(field) == true, "\(body.prefix(60))")
        }
        let left = await fixture.post(
            "/fill-mask", #"{"inputs": "\#(long)", "truncation_direction": "left"}"#)
        #expect(left.status == 200 && left.header("x-truncated-inputs") == "1")
    }

    @Test func answersStandInTheContext() async throws {
        let fixture = try APIFixture(golden: "t1/QuestionAnswering/torch-safetensors")
        let context = "é abc de, fgh 😀 ij"
        let scalars = Array(context.unicodeScalars)
        let one = await fixture.post(
            "/answer", #"{"question": "what a", "context": "\#(context)"}"#)
        #expect(one.status == 200)
        let best = one.object
        let three = await fixture.post(
            "/answer",
            """
            {"inputs": {"question": "what a", "context": "\(context)"},
            "parameters": {"top_k": 3, "max_answer_len": 4}}
            """)
        for answer in try #require(three.json as? [[String: Any]]) + [best] {
            let start = try #require(answer["start"] as? Int)
            let end = try #require(answer["end"] as? Int)
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[start..<end])
            #expect(answer["answer"] as? String == String(view))
            #expect(try #require(answer["score"] as? Double) > 0)
        }
        #expect(one.header("x-truncated-inputs") == "0")
    }

    @Test func longContextsAreReadInWindowsAndNothingIsCut() async throws {
        let fixture = try APIFixture(golden: "t1/QuestionAnswering/torch-safetensors")
        let context = (0..<400).map { ["ab", "c,", "def"][$0 % 3] }.joined(separator: " ")
        let body = #""question": "a b", "context": "\#(context)""#
        let answer = await fixture.post("/answer", "{\(body), \"top_k\": 100}")
        #expect(answer.status == 200)
        #expect(answer.header("x-truncated-inputs") == "0")
        #expect(answer.header("x-input-tokens") == answer.header("x-compute-tokens"))
        #expect(Int(answer.header("x-input-tokens") ?? "") ?? 0 > 900)
        let ends = try #require(answer.json as? [[String: Any]]).compactMap { $0["end"] as? Int }
        #expect(ends.contains { $0 > 600 }, "answers come from far beyond the first window")
        for option in [
            #""doc_stride": 200"#, #""top_k": 101"#, #""max_answer_len": 0"#, #""max_seq_len": 3"#,
            #""top_k": 0"#, #""doc_stride": -1"#,
        ] {
            let bad = await fixture.post("/answer", "{\(body), \(option)}")
            #expect(bad.status == 422 && bad.errorType == "Validation", "\(option)")
        }
        #expect(await fixture.post("/answer", #"{"question": "a"}"#).status == 422)
        #expect(
            await fixture.post("/answer", #"{"question": "a", "context": " "}"#).status == 422)
        #expect(await fixture.post("/answer", #"{"question": "", "context": "a"}"#).status == 422)
    }

    @Test func entitiesWithTheirPlace() async throws {
        let fixture = try APIFixture(golden: "t1/TokenClassification/torch-safetensors")
        let text = "abc é de"
        let all = await fixture.post(
            "/token_classification", #"{"inputs": "\#(text)", "ignore_labels": []}"#)
        #expect(all.status == 200)
        let tokens = try #require(all.json as? [[String: Any]])
        // a, b and c, é without its accent, d and e; [CLS] and [SEP] are no entities.
        #expect(tokens.compactMap { $0["index"] as? Int } == [1, 2, 3, 4, 5, 6])
        #expect(tokens.compactMap { $0["start"] as? Int } == [0, 1, 2, 4, 6, 7])
        #expect(
            tokens.compactMap { $0["word"] as? String } == ["a", "##b", "##c", "e", "d", "##e"])
        #expect(tokens.allSatisfy { $0["entity"] is String && $0["entity_group"] == nil })
        for strategy in ["simple", "first", "average", "max"] {
            let joined = await fixture.post(
                "/token_classification",
                """
                {"inputs": ["\(text)"],
                "parameters": {"aggregation_strategy": "\(strategy)", "ignore_labels": []}}
                """)
            let groups = try #require(joined.json as? [[[String: Any]]])[0]
            #expect(groups.allSatisfy { $0["entity_group"] is String && $0["index"] == nil })
            #expect(groups.first?["start"] as? Int == 0 && groups.last?["end"] as? Int == 8)
        }
        let plain = await fixture.post("/token_classification", #"{"inputs": "\#(text)"}"#)
        let kept = try #require(plain.json as? [[String: Any]])
        #expect(kept.count == tokens.filter { $0["entity"] as? String != "O" }.count)
        let bad = await fixture.post(
            "/token_classification", #"{"inputs": "a", "aggregation_strategy": "all"}"#)
        #expect(bad.status == 422)
        #expect((bad.object["error"] as? String)?.hasPrefix("aggregation_strategy") == true)
    }

    @Test func everyTokenOfALongTextHasItsLabel() async throws {
        let fixture = try APIFixture(golden: "t1/TokenClassification/torch-safetensors")
        let text = Array(repeating: "ab", count: 150).joined(separator: " ")
        let cut = await fixture.post(
            "/token_classification", #"{"inputs": "\#(text)", "ignore_labels": []}"#)
        #expect(cut.header("x-truncated-inputs") == "1" && cut.array.count == 126)
        let whole = await fixture.post(
            "/token_classification",
            #"{"inputs": "\#(text)", "ignore_labels": [], "long": "windows"}"#)
        #expect(whole.header("x-truncated-inputs") == "0")
        let starts = try #require(whole.json as? [[String: Any]]).compactMap {
            $0["start"] as? Int
        }
        var expected: [Int] = []
        for word in 0..<150 { expected += [3 * word, 3 * word + 1] }
        #expect(starts == expected)
    }

    /// Every route that needs a head says which ones there are.
    @Test func headsThatAreMissingAreNamed() async throws {
        let fixture = try APIFixture()
        for (path, body) in [
            ("/fill-mask", #"{"inputs": "[MASK]"}"#),
            ("/answer", #"{"question": "a", "context": "b"}"#),
            ("/token_classification", #"{"inputs": "a"}"#),
        ] {
            let answer = await fixture.post(path, body)
            #expect(answer.status == 424 && answer.errorType == "Backend", "\(path)")
            #expect(
                (answer.object["error"] as? String)?.contains("sequenceClassification") == true)
        }
        let none = try APIFixture(golden: "t1/QuestionAnswering/torch-safetensors")
        let answer = await none.post("/predict", #"{"inputs": "a"}"#)
        #expect(answer.status == 424)
        #expect((answer.object["error"] as? String)?.contains("questionAnswering") == true)
    }

    /// Every candidate comes with the whole text.
    @Test func candidatesOfTooManyBytesAreRefused() async throws {
        let fixture = try APIFixture(golden: "t1/MaskedLM/torch-safetensors")
        defer { fixture.executor?.stop() }
        let masks = String(repeating: "[MASK] ", count: 100)
        func fill(_ top: Int) async -> APIFixture.Answer {
            await fixture.post(
                "/fill-mask", #"{"inputs":["\#(masks)","\#(masks)"],"top_k":\#(top)}"#)
        }
        let answer = await fill(1_000)
        #expect(answer.status == 422)
        #expect((answer.object["error"] as? String)?.hasPrefix("top_k: ") == true)
        #expect(await fill(2).status == 200)
        // What is cut away comes with no candidate.
        let long = "[MASK] " + String(repeating: "a ", count: 400_000)
        #expect(
            await fixture.post("/fill-mask", #"{"inputs":"\#(long)","top_k":200}"#).status == 200)
    }
}
