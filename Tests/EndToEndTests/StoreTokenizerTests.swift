import Foundation
import TestSupport
import Testing

/// `--store-tokenizer` of the real program: what finds a word, after every way a store is opened.
@Suite struct StoreTokenizerTests {
    private let model: String
    private let store: String

    init() throws {
        model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256
        ).path
        store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
    }

    private let document = Data((#"{"id":"a","text":"running rivers"}"# + "\n").utf8)

    /// Which tokenizer the store has, by its statistics.
    private func tokenizer() throws -> String? {
        try Program.run(["store", "stats", "--store", store]).objects()
            .first?["text_tokenizer"] as? String
    }

    /// Whether the stem of a word of the document is found.
    private func findsStem() throws -> Bool {
        let found = try Program.run([
            "search", "river", "--model", model, "--store", store, "--mode", "text", "--json",
        ])
        #expect(found.status == 0, "\(found.errors)")
        return try found.objects().first?["id"] as? String == "a"
    }

    @Test func anImportChoosesAndALaterOneRebuilds() throws {
        func importing(_ arguments: [String], environment: [String: String] = [:]) throws {
            let outcome = try Program.run(
                ["store", "import", "--model", model, "--store", store] + arguments,
                input: document, environment: environment)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        try importing(["--store-tokenizer", "porter"])
        #expect(try tokenizer() == "porter" && findsStem())
        // Not told, a command leaves the index as it is.
        try importing([])
        #expect(try tokenizer() == "porter" && findsStem())
        try importing(["--store-tokenizer", "unicode61"])
        #expect(try tokenizer() == "unicode61" && !findsStem())
    }

    @Test func theServerRebuildsFromFlagAndVariable() async throws {
        let imported = try Program.run(
            ["store", "import", "--model", model, "--store", store], input: document)
        #expect(imported.status == 0, "\(imported.errors)")
        #expect(try tokenizer() == "unicode61" && !findsStem())
        let arguments = ["--model", model, "--store", store]

        func served(
            _ more: [String], _ environment: [String: String] = [:]
        ) async throws -> (tokenizer: String?, ids: [String]) {
            let server = try await RunningServer(arguments + more, environment: environment)
            let found = try await server.post(
                "/documents/search", #"{"query":"runs river","mode":"text"}"#)
            let answer = try #require(
                JSONSerialization.jsonObject(with: found.body) as? [String: Any])
            let counts = try #require(
                JSONSerialization.jsonObject(with: await server.get("/store").body)
                    as? [String: Any])
            #expect(server.end(SIGTERM) == 0)
            let hits = answer["results"] as? [[String: Any]] ?? []
            return (counts["text_tokenizer"] as? String, hits.compactMap { $0["id"] as? String })
        }
        let porter = try await served(["--store-tokenizer", "porter"])
        #expect(porter.tokenizer == "porter" && porter.ids == ["a"])
        let kept = try await served([])
        #expect(kept.tokenizer == "porter" && kept.ids == ["a"])
        let other = try await served([], ["BIGS_STORE_TOKENIZER": "unicode61"])
        #expect(other.tokenizer == "unicode61" && other.ids.isEmpty)
    }
}
