import Foundation
import HTTPTypes
import Serving
import Testing
import Tokenization

@testable import HTTPAPI

@Suite struct TokenRouteTests {
    @Test func tokensWithTheirPlaceInTheText() async throws {
        let fixture = try APIFixture()
        let answer = await fixture.post("/tokenize", #"{"inputs": "Ab \u00e9😀c"}"#)
        #expect(answer.status == 200)
        let tokens = try #require(answer.json as? [[[String: Any]]])[0]
        #expect(tokens.first?["text"] as? String == "[CLS]")
        #expect(tokens.first?["special"] as? Bool == true)
        #expect(tokens.first?["start"] is NSNull)
        #expect(tokens[1]["text"] as? String == "A")
        #expect(tokens[1]["start"] as? Int == 0 && tokens[1]["stop"] as? Int == 1)
        #expect(tokens[2]["text"] as? String == "b")
        #expect(tokens[2]["start"] as? Int == 1)
        // One word with a character outside the vocabulary is one unknown token, with its place.
        #expect(tokens[3]["text"] as? String == "é😀c")
        #expect(tokens[3]["start"] as? Int == 3 && tokens[3]["stop"] as? Int == 6)
    }

    /// Thousands of tokens are written while they are read, in pieces of a bounded size, and are the same
    /// bytes as those of each text alone.
    @Test func manyTokensLeaveInPieces() async throws {
        let fixture = try APIFixture()
        func tokenize(_ inputs: String) async -> APIFixture.Answer {
            await fixture.stream(
                .post, "/tokenize", Array("{\"inputs\": \(inputs)}".utf8),
                contentType: "application/json")
        }
        let texts = ["a é b", String(repeating: "ab c 😀 ", count: 4_200), "d", "x"]
            .map { "\"\($0)\"" }
        let whole = await tokenize("[\(texts.joined(separator: ","))]")
        #expect(whole.status == 200 && whole.header("content-type") == "application/json")
        var lists: [String] = []
        for text in texts {
            let alone = await tokenize(text)
            lists.append(String(decoding: alone.bytes.dropFirst().dropLast(), as: UTF8.self))
        }
        #expect(
            String(decoding: whole.bytes, as: UTF8.self) == "[\(lists.joined(separator: ","))]")
        let tokens = try #require(whole.json as? [[[String: Any]]])
        #expect(tokens.map(\.count) == [5, 4_200 * 4 + 2, 3, 3])
    }

    @Test func pieces() async throws {
        let fixture = try APIFixture()
        let tokenizer = try #require(fixture.loaded).tokenizer
        let text = String(repeating: "ab ", count: 3_000)
        let encoding = try tokenizer.encode(text, pair: nil, options: EncodingOptions())
        let pieces = Array(TokenPieces([(text, encoding), ("", encoding)], tokenizer))
        #expect(pieces.count > 5 && pieces.allSatisfy { $0.count < 1 << 17 })
        let none = TokenPieces([], tokenizer).reduce(into: []) { $0 += $1 }
        #expect(none == Array("[]".utf8))
    }

    @Test func withoutSpecialTokens() async throws {
        let fixture = try APIFixture()
        let answer = await fixture.post(
            "/tokenize", #"{"inputs": ["a", "b c"], "add_special_tokens": false}"#)
        let lists = try #require(answer.json as? [[[String: Any]]])
        #expect(lists.map(\.count) == [1, 2])
    }

    @Test func decodingIsTheWayBack() async throws {
        let fixture = try APIFixture()
        let tokens = await fixture.post("/tokenize", #"{"inputs": "abc de"}"#)
        let ids = try #require(tokens.json as? [[[String: Any]]])[0].map {
            $0["id"] as? Int ?? -1
        }
        let answer = await fixture.post("/decode", #"{"ids": \#(ids)}"#)
        #expect(answer.json as? [String] == ["abc de"])
        let kept = await fixture.post(
            "/decode", #"{"ids": [\#(ids)], "skip_special_tokens": false}"#)
        #expect(kept.json as? [String] == ["[CLS] abc de [SEP]"])
        let unknown = await fixture.post("/decode", #"{"ids": [1, 256]}"#)
        #expect(unknown.status == 422 && unknown.errorType == "Validation")
    }
}
