import Foundation
import TestSupport
import Testing

/// `bigs inspect` calls good what the other commands can load, and nothing else.
@Suite struct InspectTests {
    private func inspect(_ files: [String: String?]) throws -> (outcome: Program.Outcome, URL) {
        let folder = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        for (name, contents) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            if let contents {
                try Data(contents.utf8).write(to: file)
            } else if FileManager.default.fileExists(atPath: file.path) {
                try FileManager.default.removeItem(at: file)
            }
        }
        return (try Program.run(["inspect", folder.path]), folder)
    }

    @Test(arguments: [
        ("1_Pooling/config.json", "{"),
        ("1_Pooling/config.json", "[" + String(repeating: " ", count: 1 << 20) + "]"),
        ("1_Pooling/config.json", #"{"pooling_mode_mean_sqrt_len_tokens":true}"#),
        ("config_sentence_transformers.json", #"{"prompts":3}"#),
        ("config_sentence_transformers.json", #"{"default_prompt_name":"none"}"#),
        ("tokenizer_config.json", "["),
    ])
    func whatTheLoaderRefusesIsAProblem(file: String, contents: String) throws {
        let (outcome, folder) = try inspect([file: contents])
        #expect(outcome.status == 1)
        #expect(outcome.lines.count == 1 && outcome.lines[0].contains(file), "\(outcome.lines)")
        let loaded = try Program.run(
            ["classify", "--model", folder.path], input: Data("abc".utf8))
        #expect(loaded.status == 1 && loaded.errors.contains(file))
    }

    @Test func missingWeightsHideNoWrongConfiguration() throws {
        let (outcome, _) = try inspect([
            "model.safetensors": nil, "config.json": #"{"num_ssm":-1}"#,
        ])
        #expect(outcome.status == 1)
        #expect(outcome.lines.contains { $0.contains("there are no weights") }, "\(outcome.lines)")
        #expect(outcome.lines.contains { $0.contains("vocab_size is missing") }, "\(outcome.lines)")
    }

    @Test func theSummarySaysHowTextsAreRead() throws {
        let (outcome, _) = try inspect([
            "1_Pooling/config.json": #"{"pooling_mode_cls_token":true}"#,
            "config_sentence_transformers.json":
                #"{"prompts":{"query":"q ","document":"d "},"default_prompt_name":"query"}"#,
        ])
        #expect(outcome.status == 0)
        for line in [
            "tokenizer: 256 tokens", "window: 128 tokens", "padding: max-length", "pooling: cls",
            "prompts: document, query (default)",
        ] {
            #expect(outcome.lines.contains(Substring(line)), "\(outcome.lines)")
        }
    }

    @Test func whatFilesSayDoesNotSteerTheTerminal() throws {
        let (outcome, _) = try inspect([
            "config_sentence_transformers.json": #"{"prompts":{"\u001b]0;x\u0007":"q "}}"#
        ])
        #expect(outcome.lines.contains(#"prompts: \u{1b}]0;x\u{7}"#), "\(outcome.lines)")
    }

    /// A pipe would be waited for without end.
    @Test func aPipeIsNoFileToRead() throws {
        let folder = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let pipe = folder.appending(path: "config_sentence_transformers.json").path
        #expect(mkfifo(pipe, 0o600) == 0)
        let outcome = try Program.run(["inspect", folder.path])
        #expect(outcome.status == 1 && outcome.lines.first?.contains(pipe) == true)
    }

    /// Raw token ids need none.
    @Test func aModelWithoutATokenizerIsForForwardOnly() throws {
        let (outcome, _) = try inspect([
            "tokenizer.json": nil, "vocab.txt": nil, "tokenizer_config.json": nil,
            "special_tokens_map.json": nil,
        ])
        #expect(outcome.status == 0, "\(outcome.lines)")
        #expect(outcome.lines.contains("tokenizer: none (forward only)"))
        #expect(outcome.lines.contains("pooling: mean") && outcome.lines.contains("prompts: none"))
    }
}
