import BiGSModel
import Foundation
import Logging
import Serving
import TestSupport
import Testing

@Suite struct PromptTests {
    private func directory(_ file: String) throws -> URL {
        let directory = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        try Data(file.utf8).write(
            to: directory.appending(path: "config_sentence_transformers.json"))
        return directory
    }

    private func service(_ directory: URL) throws -> (EncodingService, InferenceExecutor) {
        let loaded = try LoadedModel.load(
            directory: directory, options: LoadingOptions(padding: PaddingPolicy.none))
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: 100_000)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return (
            EncodingService(loaded: loaded, executor: executor, store: nil, logger: logger),
            executor
        )
    }

    @Test func aPromptStandsBeforeTheText() async throws {
        let (service, executor) = try service(
            directory(
                #"{"prompts": {"query": "find me ", "plain": ""}, "default_prompt_name": null}"#))
        defer { executor.stop() }
        let named = EncodingRules(promptName: "query")
        let plain = EncodingRules()
        let a = try await service.embed([.text("abc")], rules: named)
        let b = try await service.embed([.text("find me abc")], rules: plain)
        #expect(a.vectors == b.vectors && a.usage == b.usage)
        let c = try await service.embed([.text("abc")], rules: plain)
        #expect(a.vectors != c.vectors)
        let empty = try await service.embed(
            [.text("abc")], rules: EncodingRules(promptName: "plain"))
        #expect(empty.vectors == c.vectors)
        // A head reads the text as it is.
        let classes = try await service.classify([.text("abc")], rules: named)
        #expect(try await service.classify([.text("abc")], rules: plain).vectors == classes.vectors)
        for rules in [EncodingRules(promptName: "nobody"), named] {
            await #expect(throws: ServiceError.self) {
                try await service.embed([.tokens([2, 3])], rules: rules)
            }
        }
    }

    @Test func placesAreThoseOfTheTextWithoutThePrompt() async throws {
        let (service, executor) = try service(
            directory(##"{"prompts": {"q": "é: "}, "default_prompt_name": "q"}"##))
        defer { executor.stop() }
        let encoded = try await service.encodeStates([.text("ab c")], rules: EncodingRules())
        let offsets = try #require(encoded.texts.first?.offsets)
        #expect(offsets.filter { !$0.isEmpty } == [0..<1, 1..<2, 3..<4])
        let long = (0..<200).map { _ in "ab" }.joined(separator: " ")
        let windows = try await service.encodeStates(
            [.text(long)], rules: EncodingRules(windows: TextWindows()))
        let places = try #require(windows.texts.first?.offsets).filter { !$0.isEmpty }
        var expected: [Range<Int>] = []
        for word in 0..<200 {
            let start = 3 * word
            expected += [start..<start + 1, start + 1..<start + 2]
        }
        #expect(places == expected)
    }

    @Test func theDefaultPromptIsPartOfTheFingerprint() throws {
        let with = directory
        func fingerprint(_ file: String) throws -> [UInt8] {
            try LoadedModel.load(directory: with(file)).fingerprint
        }
        let none = try fingerprint("{}")
        #expect(try fingerprint(#"{"prompts": {"q": "a "}}"#) == none)
        let a = try fingerprint(#"{"prompts": {"q": "a "}, "default_prompt_name": "q"}"#)
        let b = try fingerprint(#"{"prompts": {"q": "b "}, "default_prompt_name": "q"}"#)
        #expect(a != none && a != b)
        #expect(throws: ModelLoadingError.self) {
            try fingerprint(#"{"prompts": {"q": "a "}, "default_prompt_name": "p"}"#)
        }
        #expect(throws: ModelLoadingError.self) { try fingerprint(#"{"prompts": 3}"#) }
    }
}
