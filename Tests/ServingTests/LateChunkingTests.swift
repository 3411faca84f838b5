import BiGSModel
import Foundation
import Logging
import TestSupport
import Testing
import Tokenization

@testable import Serving

@Suite struct LateChunkingTests {
    /// A service over a small encoder with a window of 128 tokens.
    private func service(
        options: LoadingOptions = LoadingOptions(padding: PaddingPolicy.none)
    ) throws -> (EncodingService, InferenceExecutor) {
        let loaded = try LoadedModel.load(
            directory: SmallModel.directory(
                golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256),
            options: options)
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: 100_000)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return (
            EncodingService(loaded: loaded, executor: executor, store: nil, logger: logger),
            executor
        )
    }

    @Test func theVectorIsTheOneThatEmbedGives() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let inputs: [EncodingInput] = [.text("ab cd. ef"), .text("x"), .tokens([2, 7, 8, 3])]
        let embedded = try await service.embed(inputs, rules: EncodingRules())
        let encoded = try await service.encodeStates(inputs, rules: EncodingRules())
        #expect(encoded.texts.map(\.pooled) == embedded.vectors)
        #expect(encoded.texts.map(\.usage) == embedded.usage)
        let first = encoded.texts[0]
        #expect(first.states.count == first.offsets.count * 64)
        #expect(first.offsets.first?.isEmpty == true && first.offsets.last?.isEmpty == true)
        #expect(first.offsets[1] == 0..<1 && first.offsets.count == first.usage.tokens)
    }

    /// The plain mean of the rows of the tokens that start in a passage.
    @Test func passagesAreMeansOfTheirOwnTokens() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let text = "é ab. cd\u{1F600} ef.\n\ngh i"
        let encoded = try #require(
            try await service.encodeStates([.text(text)], rules: EncodingRules()).texts.first)
        let ranges = Granularity.paragraph.spans(of: text, tokens: encoded.offsets)
        #expect(ranges == [0..<13, 15..<19])
        for passage in encoded.textStates.passages(ranges, pooling: .mean) {
            let rows = encoded.offsets.indices.filter {
                !encoded.offsets[$0].isEmpty
                    && passage.range.contains(encoded.offsets[$0].lowerBound)
            }
            #expect(passage.tokens == rows.count && !rows.isEmpty)
            let vector = try #require(passage.vector)
            for column in 0..<64 {
                let mean =
                    rows.reduce(0.0) { $0 + Double(encoded.states[$1 * 64 + column]) }
                    / Double(rows.count)
                #expect(abs(Double(vector[column]) - mean) < 1e-6)
            }
        }
    }

    /// Whoever sends one text cannot send fewer.
    @Test func statesThatAreTooManyAreToldWithWhatToDo() throws {
        for (inputs, advice) in [(1, "send a shorter text"), (2, "send fewer texts")] {
            let error = EncodingService.tooManyStates(2_000_000, of: 64, inputs: inputs)
            guard case .unsupported("inputs", let reason) = error else { throw error }
            #expect(reason.contains("at most 1048576 tokens; " + advice), "\(reason)")
        }
    }

    @Test func tokenWindowsAndSpans() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let text = "ab cd ef"
        let encoded = try #require(
            try await service.encodeStates([.text(text)], rules: EncodingRules()).texts.first)
        #expect(
            Granularity.tokens(size: 4, overlap: 2).spans(of: text, tokens: encoded.offsets)
                == [0..<5, 3..<8])
        #expect(
            Granularity.tokens(size: 9, overlap: 0).spans(of: text, tokens: encoded.offsets)
                == [0..<8])
        let passages = encoded.textStates.passages(
            [0..<2, 1..<2, 2..<3, 0..<8], pooling: .mean)
        #expect(passages.map(\.tokens) == [2, 1, 0, 6])
        #expect(passages[2].vector == nil)
        #expect(passages[1].vector == Array(encoded.states[2 * 64..<3 * 64]))
    }

    @Test func whatTruncationCutIsNotClaimed() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let text =
            String(repeating: "a ", count: 120) + "\n\n" + String(repeating: "b ", count: 120)
        let encoded = try #require(
            try await service.encodeStates([.text(text)], rules: EncodingRules()).texts.first)
        #expect(encoded.usage == TokenUsage(tokens: 242, tokensUsed: 128))
        let passages = encoded.textStates.passages(
            Granularity.paragraph.spans(of: text, tokens: encoded.offsets) + [470..<471],
            pooling: .mean)
        #expect(passages.map(\.tokens) == [120, 6, 0])
        #expect(passages[1].range == 242..<253)
        #expect(passages[2].vector == nil)
    }

    @Test func windowsShowEveryTokenOnce() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let text = (0..<400).map { ["a", "bc", "d.", "e"][$0 % 4] }.joined(separator: " ")
        let rules = EncodingRules(windows: TextWindows(overlap: 20))
        let encoded = try #require(
            try await service.encodeStates([.text(text)], rules: rules).texts.first)
        let plain = try await service.tokenize(text, addSpecialTokens: true)
        #expect(encoded.offsets == plain.offsets)
        #expect(encoded.tokenIDs == plain.ids)
        #expect(encoded.usage == TokenUsage(tokens: plain.ids.count, tokensUsed: plain.ids.count))
        #expect(encoded.usage.isTruncated == false)
        let embedded = try await service.embed([.text(text)], rules: rules)
        #expect(embedded.vectors[0] == encoded.pooled)
        // By hand: each window on its own, joined by its number of tokens.
        let inner = Array(plain.ids.dropFirst().dropLast())
        var sums = Array(repeating: 0.0, count: 64)
        var total = 0.0
        var start = 0
        while true {
            let end = min(start + 126, inner.count)
            let ids = [plain.ids[0]] + inner[start..<end] + [plain.ids[plain.ids.count - 1]]
            let vector = try await service.embed([.tokens(ids)], rules: EncodingRules()).vectors[0]
            for column in 0..<64 { sums[column] += Double(ids.count) * Double(vector[column]) }
            total += Double(ids.count)
            if end == inner.count { break }
            start += 106
        }
        for column in 0..<64 {
            #expect(abs(Double(embedded.vectors[0][column]) - sums[column] / total) < 1e-6)
        }
        // A short text is not touched by the option.
        let short = try await service.embed([.text("ab")], rules: rules)
        #expect(
            try await service.embed([.text("ab")], rules: EncodingRules()).vectors == short.vectors)
    }

    @Test func windowsAsValues() {
        #expect(TextWindows.ranges(count: 10, size: 4, overlap: 1) == [0..<4, 3..<7, 6..<10])
        #expect(
            TextWindows.ranges(count: 11, size: 4, overlap: 1) == [0..<4, 3..<7, 6..<10, 9..<11])
        #expect(TextWindows.ranges(count: 3, size: 4, overlap: 1) == [0..<3])
        #expect(TextWindows.ranges(count: 0, size: 4, overlap: 1) == [0..<0])
        for (count, size, overlap) in [(100, 7, 0), (100, 7, 6), (9, 3, 1), (8, 8, 7), (9, 8, 7)] {
            let ranges = TextWindows.ranges(count: count, size: size, overlap: overlap)
            #expect(ranges.last?.upperBound == count)
            #expect(ranges.dropLast().allSatisfy { $0.count == size && $0.upperBound < count })
            #expect(
                zip(ranges, ranges.dropFirst()).allSatisfy {
                    $1.lowerBound == $0.lowerBound + size - overlap
                })
        }
        #expect(TextWindows.owned([0..<4, 2..<6, 4..<8]) == [0..<3, 3..<5, 5..<8])
        #expect(TextWindows.joined([[1, 2], [4, 8]], tokens: [2, 1]) == [2, 4])
        for count in 0..<60 {
            for size in 1..<9 {
                for overlap in 0..<size {
                    let windows = TextWindows.ranges(count: count, size: size, overlap: overlap)
                    #expect(TextWindows.owned(windows).flatMap { Array($0) } == Array(0..<count))
                    #expect(windows.allSatisfy { $0.count <= size })
                }
            }
        }
    }

    @Test func pairsAreNotReadInWindows() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let long = String(repeating: "a ", count: 200)
        await #expect(throws: ServiceError.self) {
            try await service.classify(
                [.pair(long, "b")], rules: EncodingRules(windows: TextWindows()))
        }
        let scores = try await service.classify(
            [.text(long)], rules: EncodingRules(windows: TextWindows()))
        #expect(scores.vectors[0].count == 3 && scores.usage[0].isTruncated == false)
    }
}
