import DocumentStore
import Foundation
import TestSupport
import Testing

@testable import HTTPAPI

/// The decoder of bodies, compared with Foundation's.
@Suite struct JSONBodyDecoderTests {
    /// Any JSON value.
    private enum Value: Decodable, Equatable {
        case null
        case bool(Bool)
        case integer(Int)
        case number(Double)
        case string(String)
        case array([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Int.self) {
                self = .integer(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode(String.self) {
                self = .string(value)
            } else if let value = try? container.decode([Value].self) {
                self = .array(value)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }
    }

    /// What bodies look like: options beside values, some of them nested.
    private struct Body: Decodable, Equatable {
        struct Part: Decodable, Equatable {
            let maxTokens: Int32?
            let text: String
        }
        let inputs: [String]
        let topK: Int?
        let rawScores: Bool?
        let embeddingFormat: String?
        let tokenIds: [Int32]?
        let weights: [Float]?
        let scale: Double?
        let parts: [Part]?
        let metaData: [String: Value]?
    }

    private func foundation<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws -> T {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }

    private func ours<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws -> T {
        try JSONBodyDecoder.decode(type, from: JSONTape(bytes))
    }

    private static let bodies = [
        #"{"inputs": ["a", "\u00e9\ud83d\ude00\n\"\\\/"], "top_k": 3, "raw_scores": true}"#,
        #"{"inputs":[],"token_ids":[1,-2,2147483647],"weights":[0.1,25e2,-3],"scale":1.5e3}"#,
        #" {"inputs" : ["é😀"] , "parts":[{"max_tokens":null,"text":""},{"text":"b"}]} "#,
        #"{"inputs":["x"],"meta_data":{"snake_key":1,"camelKey":[true,null,{"a_b":"c"}]}}"#,
        #"{"embedding_format":"float","inputs":["x"],"inputs":["y"],"top_k":7.0}"#,
    ]

    @Test(arguments: bodies) func wholeBodiesAreTheSame(body: String) throws {
        let bytes = Array(body.utf8)
        #expect(try ours(Body.self, bytes) == foundation(Body.self, bytes))
        #expect(try ours(Value.self, bytes) == foundation(Value.self, bytes))
        _ = try metadataIsTheSame(bytes)
    }

    /// Or it is refused where Foundation drops a member, or makes a number another one; false then.
    private func metadataIsTheSame(_ bytes: [UInt8]) throws -> Bool {
        let found: MetadataValue
        do {
            found = try ours(MetadataValue.self, bytes)
        } catch DecodingError.dataCorrupted(let context)
            where context.debugDescription.hasPrefix("is there twice")
            || context.debugDescription.hasPrefix("expected a number of 64 bits")
        {
            return false
        }
        #expect(
            try found == foundation(MetadataValue.self, bytes),
            "\(String(decoding: bytes, as: UTF8.self))")
        return true
    }

    /// Cut, doubled and mutated bodies: whatever Foundation makes of them.
    @Test(arguments: UInt64(1)...8) func mutatedBodiesAreTheSame(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "0", "-", "1", ".", "e", "E9",
            "\\u12", "\\ud800", "\\udc00", " ", "\n", "\t", "1e400", "4294967296", "\u{1}",
            "\u{7f}", "é", "_", "\"top_k\":", "\"inputs\":", "-0", "01", "1.", ".5", "//",
        ]
        for _ in 0..<1_500 {
            var bytes = Array((Self.bodies.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.removeSubrange(place...)
                case 1:
                    let end = min(place + Int.random(in: 1...4, using: &random), bytes.count)
                    bytes.removeSubrange(place..<end)
                case 2:
                    bytes.insert(
                        contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
                default:
                    if place < bytes.count {
                        bytes[place] = UInt8.random(in: 0...0x7F, using: &random)
                    }
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            compare(Body.self, bytes, text, seed)
            compare(Value.self, bytes, text, seed)
        }
    }

    private func compare<T: Decodable & Equatable>(
        _ type: T.Type, _ bytes: [UInt8], _ text: String, _ seed: UInt64
    ) {
        let expected = Result { try foundation(type, bytes) }
        let found = Result { try ours(type, bytes) }
        switch (expected, found) {
        case (_, .failure(is JSONSyntaxError)):
            // Foundation looks at what is asked for alone, and takes `[1,]`.
            break
        case (.success(let expected), .success(let found)):
            #expect(found == expected, "seed \(seed): \(text)")
        case (.failure(let expected as DecodingError), .failure(let found as DecodingError)):
            #expect(name(found) == name(expected), "seed \(seed): \(text)")
        default:
            Issue.record("seed \(seed): \(expected) became \(found): \(text)")
        }
    }

    /// Whatever is JSON is taken, with blanks anywhere and every kind of escape.
    @Test(arguments: UInt64(1)...6) func randomDocumentsAreTheSame(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var same = 0
        for _ in 0..<150 {
            let bytes = Array(document(depth: 4, &random).utf8)
            #expect(
                try ours(Value.self, bytes) == foundation(Value.self, bytes),
                "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            if try metadataIsTheSame(bytes) { same += 1 }
        }
        #expect(same > 50, "seed \(seed)")
    }

    private func document(depth: Int, _ random: inout SeededGenerator) -> String {
        func blank() -> String { ["", "", "", " ", "\n\t"].randomElement(using: &random) ?? "" }
        func text() -> String {
            let pieces = [
                "a", "é", "😀", #"\n"#, #"\/"#, #"\""#, #"\\"#, #"\u00e9"#, #"\uD83D\uDE00"#, "_",
                "\u{7f}",
                #"\u0000"#, "top_k",
            ]
            return "\""
                + (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }.joined() + "\""
        }
        let count = Int.random(in: 0...4, using: &random)
        let value: String
        switch Int.random(in: 0..<(depth == 0 ? 4 : 6), using: &random) {
        case 0: value = ["null", "true", "false"].randomElement(using: &random) ?? "null"
        case 1: value = String(Int.random(in: -1_000_000...1_000_000, using: &random))
        case 2: value = String(Double.random(in: -1e6...1e6, using: &random))
        case 3: value = text()
        case 4:
            let elements = (0..<count).map { _ in document(depth: depth - 1, &random) }
            value = "[\(blank())\(elements.joined(separator: ","))]"
        default:
            let members = (0..<count).map { _ in
                blank() + text() + blank() + ":" + document(depth: depth - 1, &random)
            }
            value = "{\(blank())\(members.joined(separator: ","))}"
        }
        return blank() + value + blank()
    }

    /// The case of an error and the way to where it is.
    private func name(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
                .joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "keyNotFound \(path(context)) \(key)"
        case .typeMismatch(_, let context): return "typeMismatch \(path(context))"
        case .valueNotFound(_, let context): return "valueNotFound \(path(context))"
        // Foundation does not say where.
        case .dataCorrupted: return "dataCorrupted"
        @unknown default: return "unknown"
        }
    }

    /// Past 2^53 a number with a point need not be the integer that it looks like.
    @Test func integersAreExact() throws {
        func integer(_ text: String) throws -> Int { try ours(Int.self, Array(text.utf8)) }
        #expect(try integer("9223372036854775807") == .max)
        #expect(try integer("-9223372036854775808") == .min)
        #expect(try integer("3e2") == 300)
        #expect(try integer("-7.0") == -7)
        for text in ["9223372036854775808", "1.5", "999999999999999997.0", "1e19"] {
            #expect(throws: DecodingError.self) { try integer(text) }
        }
        #expect(throws: DecodingError.self) { try ours([Int32].self, Array("[2147483648]".utf8)) }
        #expect(throws: DecodingError.self) { try ours(UInt8.self, Array("-1".utf8)) }
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "1.", ".5", "+1", "-", "1e",
        "tru",
        "nulll", "'a'", "\"a", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u12g4\"",
        "\"\t\"",
        "[]]", "{}{}", "NaN", "Infinity", "[1,/**/2]", "{\"a\" 1}", "{\"a\":}", "{1:2}", "\u{feff}",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONTape(Array(text.utf8)) }
    }

    @Test func bytesThatAreNotTextAreRefused() {
        for bytes: [UInt8] in [
            [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xE2, 0x82],
        ] {
            #expect(throws: JSONSyntaxError.self) { try JSONTape([0x22] + bytes + [0x22]) }
        }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(repeating: UInt8(ascii: "["), count: depth)
                + Array(repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(try JSONTape(nested(512)).nodes.count == 512)
        #expect(throws: JSONSyntaxError.self) { try JSONTape(nested(513)) }
        #expect(throws: JSONSyntaxError.self) {
            try JSONTape(Array(repeating: UInt8(ascii: "["), count: 1_000_000))
        }
    }

    /// How deep a value lies does not count for its own work.
    @Test func deepMetadataIsReadAsFastAsFlat() throws {
        func time(depth: Int) throws -> Duration {
            let open = String(repeating: "[", count: depth)
            let close = String(repeating: "]", count: depth)
            let inner = Array(repeating: "[]", count: 5_000).joined(separator: ",")
            let tape = try JSONTape(Array((open + inner + close).utf8))
            return try (0..<3).map { _ in
                try ContinuousClock().measure {
                    _ = try JSONBodyDecoder.decode(MetadataValue.self, from: tape)
                }
            }.reduce(.seconds(3_600), min)
        }
        // Work for each value that grows with its depth would make this a hundred times.
        #expect(try time(depth: 500) < time(depth: 2) * 10)
    }

    /// An object with very many members is read in a time that grows with its size.
    @Test func manyMembers() throws {
        let text = "{" + (0..<50_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
        let value = try ours([String: Int].self, Array(text.utf8))
        #expect(value.count == 50_000 && value["k49999"] == 49_999)
    }
}
