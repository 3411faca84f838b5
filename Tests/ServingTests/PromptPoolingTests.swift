import BiGSModel
import DocumentStore
import Foundation
import Logging
import TestSupport
import Testing
import Tokenization

@testable import Serving

/// sentence-transformers' `include_prompt: false`: the prompt is read, and has no part in the vector.
@Suite struct PromptPoolingTests {
    private static let prompts = #"{"prompts": {"query": "find me ", "empty": ""}}"#

    private func service(
        mode: String = "mean", includesPrompt: Bool? = false,
        padding: PaddingPolicy = PaddingPolicy.none, prompts: String = prompts,
        store: EncodingStore? = nil
    ) throws -> (EncodingService, InferenceExecutor) {
        let directory = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        try Data(prompts.utf8).write(
            to: directory.appending(path: "config_sentence_transformers.json"))
        let folder = directory.appending(path: "1_Pooling")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let include = includesPrompt.map { ", \"include_prompt\": \($0)" } ?? ""
        try Data("{\"pooling_mode_\(mode)\": true\(include)}".utf8)
            .write(to: folder.appending(path: "config.json"))
        let loaded = try LoadedModel.load(
            directory: directory, options: LoadingOptions(padding: padding))
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: 100_000)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return (
            EncodingService(
                loaded: loaded, executor: executor, store: store, cachePatience: .seconds(600),
                logger: logger),
            executor
        )
    }

    private let query = EncodingRules(promptName: "query")

    /// [CLS] and the six letters of the prompt.
    private let promptTokens = 7

    private func isClose(_ a: [Float], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs(Double($0) - $1) < 1e-5 }
    }

    /// The pooled rows by hand, of states in which the prompt has its rows.
    private func pooled(_ states: [Float], rows: Range<Int>, mode: String) -> [Double] {
        (0..<64).map { column in
            let values = rows.map { Double(states[$0 * 64 + column]) }
            switch mode {
            case "mean_tokens": return values.reduce(0, +) / Double(values.count)
            case "max_tokens": return values.max() ?? 0
            default: return values.last ?? 0
            }
        }
    }

    @Test(
        arguments: ["mean_tokens", "max_tokens", "lasttoken"],
        [PaddingPolicy.none, PaddingPolicy.maxLength])
    func thePromptsTokensAreLeftOut(mode: String, padding: PaddingPolicy) async throws {
        let (service, executor) = try service(mode: mode, padding: padding)
        defer { executor.stop() }
        let encoded = try #require(
            try await service.encodeStates([.text("abc")], rules: query).texts.first)
        #expect(encoded.usage.tokensUsed == promptTokens + 4)
        let rows = promptTokens..<promptTokens + 4
        let vector = try await service.embed([.text("abc")], rules: query).vectors[0]
        #expect(vector == encoded.pooled)
        #expect(isClose(vector, pooled(encoded.states, rows: rows, mode: mode)))
        if mode != "lasttoken" {
            #expect(!isClose(vector, pooled(encoded.states, rows: 0..<rows.upperBound, mode: mode)))
        }
        // Without a prompt, or with an empty one, every token is pooled.
        for rules in [EncodingRules(), EncodingRules(promptName: "empty")] {
            let plain = try #require(
                try await service.encodeStates([.text("abc")], rules: rules).texts.first)
            #expect(isClose(plain.pooled, pooled(plain.states, rows: 0..<5, mode: mode)))
        }
    }

    @Test func onlyPoolingsThatCanLeaveItOutDo() async throws {
        for (mode, differs) in [
            ("mean_tokens", true), ("max_tokens", true), ("lasttoken", true), ("cls_token", false),
        ] {
            let (without, first) = try service(mode: mode)
            let (with, second) = try service(mode: mode, includesPrompt: true)
            let (silent, third) = try service(mode: mode, includesPrompt: nil)
            defer { for executor in [first, second, third] { executor.stop() } }
            #expect(with.loaded.fingerprint == silent.loaded.fingerprint)
            #expect((with.loaded.fingerprint != without.loaded.fingerprint) == differs, "\(mode)")
            let a = try await without.embed([.text("abc")], rules: query)
            let b = try await with.embed([.text("abc")], rules: query)
            // The last token is the same one, with or without those before it.
            #expect((a.vectors != b.vectors) == (differs && mode != "lasttoken"), "\(mode)")
            #expect(a.usage == b.usage)
        }
    }

    /// The same token ids with and without a prompt have different vectors, so one must not be found
    /// where the other is looked for.
    @Test func theCacheTellsAPromptFromTheSameWordsInAText() async throws {
        let store = try EncodingStore.open(
            path: SmallModel.temporaryDirectory().appending(path: "store.sqlite").path,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        defer { store.close() }
        let (service, executor) = try service(mode: "mean_tokens", store: store)
        defer { executor.stop() }
        let prompted = try await service.embed([.text("abc")], rules: query)
        let plain = try await service.embed([.text("find me abc")], rules: EncodingRules())
        #expect(plain.cache == .miss && plain.usage == prompted.usage)
        #expect(plain.vectors != prompted.vectors)
        let again = try await service.embed([.text("abc")], rules: query)
        #expect(again.cache == .hit && again.vectors == prompted.vectors)
        let both = try await service.embed(
            [.text("find me abc"), .text("find me abc")], rules: EncodingRules())
        #expect(both.cache == .hit && both.vectors == [plain.vectors[0], plain.vectors[0]])
    }

    @Test func everyWindowLeavesOutItsPrompt() async throws {
        let (service, executor) = try service(mode: "mean_tokens")
        defer { executor.stop() }
        let text = (0..<150).map { _ in "a" }.joined(separator: " ")
        let rules = EncodingRules(windows: TextWindows(overlap: 0), promptName: "query")
        let vector = try await service.embed([.text(text)], rules: rules).vectors[0]
        // By hand: two windows, each with [CLS], the prompt and [SEP] around its part of the text.
        let counts = [128 - promptTokens - 1, 150 - (128 - promptTokens - 1)]
        var sums = Array(repeating: 0.0, count: 64)
        for count in counts {
            let part = (0..<count).map { _ in "a" }.joined(separator: " ")
            let encoded = try #require(
                try await service.encodeStates([.text(part)], rules: query).texts.first)
            let rows = promptTokens..<promptTokens + count + 1
            let mean = pooled(encoded.states, rows: rows, mode: "mean_tokens")
            for column in 0..<64 { sums[column] += mean[column] * Double(rows.upperBound) }
        }
        let total = Double(counts.reduce(0) { $0 + $1 + promptTokens + 1 })
        #expect(isClose(vector, sums.map { $0 / total }))
    }

    @Test func ofACutPromptWhatIsLeftIsLeftOut() async throws {
        let (service, executor) = try service(mode: "mean_tokens")
        defer { executor.stop() }
        // 128 tokens are the window; with [CLS], prompt and [SEP] these letters are 3 and 9 more.
        for (letters, left) in [(123, promptTokens - 3), (129, 1)] {
            let text = (0..<letters).map { _ in "a" }.joined(separator: " ")
            let rules = EncodingRules(truncationSide: .left, promptName: "query")
            let encoded = try #require(
                try await service.encodeStates([.text(text)], rules: rules).texts.first)
            #expect(encoded.usage.tokensUsed == 128)
            let mean = pooled(encoded.states, rows: left..<128, mode: "mean_tokens")
            #expect(isClose(encoded.pooled, mean), "\(letters)")
        }
        // A prompt that fills the window leaves [SEP] to pool.
        let long = String(repeating: "ab ", count: 90)
        let (narrow, other) = try self.service(
            mode: "mean_tokens", prompts: "{\"prompts\": {\"query\": \"\(long)\"}}")
        defer { other.stop() }
        let encoded = try #require(
            try await narrow.encodeStates([.text("c")], rules: query).texts.first)
        #expect(isClose(encoded.pooled, encoded.states.suffix(64).map { Double($0) }))
    }
}
