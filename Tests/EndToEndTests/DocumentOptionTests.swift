import Foundation
import TestSupport
import Testing

/// Prompts and windows of documents, through the program: what they were put with, another model does too.
@Suite struct DocumentOptionTests {
    @Test(arguments: [
        (#""prompt_name":"passage""#, ["--prompt-name", "passage"]),
        (#""long":"windows""#, ["--windows"]),
        (#""prompt_name":"passage","long":"windows""#, ["--prompt-name", "passage", "--windows"]),
        (#""truncation_direction":"left""#, ["--truncation-direction", "left"]),
    ])
    func reencodingDoesTheSame(members: String, flags: [String]) throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        try Data(#"{"prompts": {"passage": "find me "}}"#.utf8).write(
            to: model.appending(path: "config_sentence_transformers.json"))
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let text = (0..<150).map { ["ab", "c", "def"][$0 % 3] }.joined(separator: " ")
        func run(_ arguments: [String], input: String = "") throws -> [[String: Any]] {
            let outcome = try Program.run(
                arguments + ["--model", model.path], input: Data(input.utf8))
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try outcome.objects()
        }
        func embedding(_ lines: [[String: Any]]) throws -> [Float] {
            try #require(lines.first?["embedding"] as? [Double]).map { Float($0) }
        }
        func kept() throws -> [Float] {
            let outcome = try Program.run(["store", "export", "--store", store])
            return try embedding(outcome.objects())
        }
        func embedded(_ more: [String]) throws -> [Float] {
            try embedding(
                run(
                    ["embed", "--jsonl"] + flags + more,
                    input: #"{"id":"a","text":"\#(text)"}"# + "\n"))
        }
        let imported = try run(
            ["store", "import", "--store", store],
            input: #"{"id":"a","text":"\#(text)",\#(members)}"# + "\n")
        #expect(imported.last?["stored"] as? Int == 1)
        #expect(try kept() == embedded([]))
        _ = try run(["store", "reencode", "--store", store, "--pooling", "cls", "--finish"])
        let again = try kept()
        #expect(again == (try embedded(["--pooling", "cls"])))
        #expect(again != (try embedded([])))
    }
}
