import Foundation
import Serving
import TestSupport
import Testing
import Tokenization

/// Our way from scores to answers and entities beside that of Hugging Face's pipelines; the fixtures
/// are described in Fixtures/pipelines/make.py.
@Suite struct PipelineParityTests {
    private struct EntityCase: Decodable {
        struct Expected: Decodable {
            let entity: String?
            let entityGroup: String?
            let score: Float
            let index: Int?
            let word: String
            let start: Int
            let end: Int
        }

        let text: String
        let labels: [String]
        let logits: [[Float]]
        let expected: [String: [Expected]]
    }

    private struct AnswerCase: Decodable {
        struct Window: Decodable {
            let ids: [Int32]
            let start: [Float]
            let end: [Float]
        }

        struct Expected: Decodable {
            let score: Float
            let start: Int
            let end: Int
            let answer: String
        }

        let question: String
        let context: String
        let maximum: Int
        let stride: Int
        let topK: Int
        let maxAnswerLen: Int
        let handleImpossibleAnswer: Bool
        let alignToWords: Bool
        let windows: [Window]
        let expected: [Expected]
    }

    private func fixture<Case: Decodable>(_ name: String) throws -> [Case] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            [Case].self, from: Data(contentsOf: Fixtures.url("pipelines/\(name).json")))
    }

    /// BERT's own vocabulary, which the fixtures were made with.
    private func tokenizer() throws -> Tokenizer {
        let directory = try SmallModel.temporaryDirectory()
        try FileManager.default.copyItem(
            at: Fixtures.url("tokenizer/vocab.txt"), to: directory.appending(path: "vocab.txt"))
        return try Tokenizer(directory: directory)
    }

    @Test func entitiesUnderEveryStrategy() throws {
        let tokenizer = try tokenizer()
        let cases: [EntityCase] = try fixture("entities")
        var entities = 0
        for (number, test) in cases.enumerated() {
            let encoding = try tokenizer.encode(test.text)
            #expect(encoding.ids.count == test.logits.count)
            for strategy in AggregationStrategy.allCases {
                let found = EntityAggregation(
                    labels: test.labels, tokenizer: tokenizer, strategy: strategy
                ).entities(
                    of: test.text, logits: test.logits.flatMap { $0 }, tokenIDs: encoding.ids,
                    offsets: encoding.offsets, ignoring: ["O"])
                let expected = try #require(test.expected[strategy.rawValue])
                #expect(found.count == expected.count, "case \(number), \(strategy)")
                for (ours, theirs) in zip(found, expected) {
                    #expect(ours.label == theirs.entity ?? theirs.entityGroup)
                    #expect(ours.index == theirs.index)
                    #expect(ours.word == theirs.word, "case \(number), \(strategy)")
                    #expect(ours.range == theirs.start..<theirs.end, "case \(number), \(strategy)")
                    #expect(abs(ours.score - theirs.score) < 1e-6)
                    entities += 1
                }
            }
        }
        #expect(entities > 300)
    }

    @Test func answersOfOneWindowAndOfMany() throws {
        let tokenizer = try tokenizer()
        let cases: [AnswerCase] = try fixture("answers")
        var most = 0
        for (number, test) in cases.enumerated() {
            let asked = try tokenizer.encode(
                test.question, options: EncodingOptions(addSpecialTokens: false))
            let read = try tokenizer.encode(
                test.context, options: EncodingOptions(addSpecialTokens: false))
            let ranges = TextWindows.ranges(
                count: read.ids.count, size: test.maximum - asked.ids.count - 3,
                overlap: test.stride)
            try #require(ranges.count == test.windows.count, "case \(number)")
            most = max(most, ranges.count)
            let first = asked.ids.count + 2
            var windows: [AnswerWindow] = []
            for (range, window) in zip(ranges, test.windows) {
                let ids =
                    [tokenizer.classifyID] + asked.ids + [tokenizer.separatorID]
                    + read.ids[range] + [tokenizer.separatorID]
                #expect(ids == window.ids, "case \(number)")
                windows.append(
                    AnswerWindow(
                        start: window.start, end: window.end, context: first..<first + range.count,
                        offsets: Array(repeating: 0..<0, count: first) + read.offsets[range],
                        continues: Array(repeating: false, count: first)
                            + read.ids[range].map(tokenizer.continuesWord)))
            }
            var selection = AnswerSelection()
            selection.top = test.topK
            selection.maximumLength = test.maxAnswerLen
            selection.allowsNone = test.handleImpossibleAnswer
            selection.alignsToWords = test.alignToWords
            let answers = selection.answers(in: windows, context: test.context)
            #expect(answers.map(\.text) == test.expected.map(\.answer), "case \(number)")
            #expect(
                answers.map(\.range) == test.expected.map { $0.start..<$0.end }, "case \(number)")
            for (ours, theirs) in zip(answers, test.expected) {
                #expect(abs(ours.score - theirs.score) < 1e-6, "case \(number)")
            }
        }
        #expect(most > 3)
    }
}
