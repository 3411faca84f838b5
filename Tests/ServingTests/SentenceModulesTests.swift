import Foundation
import TestSupport
import Testing

@testable import Serving

/// The files that sentence-transformers puts beside a model, as its versions write them.
@Suite struct SentenceModulesTests {
    private func directory(
        _ files: [String: String], golden: String = "t1/MaskedLM/torch-safetensors"
    ) throws -> URL {
        let directory = try SmallModel.directory(golden: golden, vocabularySize: 256)
        for (name, contents) in files {
            let file = directory.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(contents.utf8).write(to: file)
        }
        return directory
    }

    private func load(_ files: [String: String], pooling: Pooling? = nil) throws -> LoadedModel {
        try LoadedModel.load(
            directory: try directory(files), options: LoadingOptions(pooling: pooling))
    }

    @Test(arguments: [
        (#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#, Pooling.cls),
        (#"{"pooling_mode": "mean", "embedding_dimension": 64}"#, .mean),
        (#"{"pooling_mode": "lasttoken", "include_prompt": true}"#, .lastToken),
        (#"{"pooling_mode": ["max"]}"#, .max),
        (#"{"pooling_mode": "cls", "pooling_mode_mean_tokens": true}"#, .cls),
        (#"{"pooling_mode_cls_token": false}"#, .mean), ("{}", .mean),
    ])
    func poolingModes(file: String, expected: Pooling) throws {
        #expect(try load(["1_Pooling/config.json": file]).pooling == expected)
    }

    @Test(arguments: [
        #"{"pooling_mode": "weightedmean"}"#, #"{"pooling_mode": ["cls", "mean"]}"#,
        #"{"pooling_mode": 3}"#, #"{"pooling_mode_mean_tokens": false}"#,
        #"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#,
    ])
    func whatIsNotPooledSo(file: String) throws {
        let files = ["1_Pooling/config.json": file]
        let error = #expect(throws: ModelLoadingError.self) { try load(files) }
        #expect("\(error as Any)".contains("1_Pooling/config.json"))
        if !file.contains("3}") { #expect(try load(files, pooling: .max).pooling == .max) }
    }

    @Test func modulesThatAreRun() throws {
        let modules = """
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "pool", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """
        let loaded = try load([
            "modules.json": modules, "pool/config.json": #"{"pooling_mode": "max"}"#,
            "1_Pooling/config.json": #"{"pooling_mode": "cls"}"#,
        ])
        #expect(loaded.pooling == .max)
    }

    @Test(arguments: [
        (#"[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#, "Dense"),
        (#"[{"path": "bert", "type": "sentence_transformers.models.Transformer"}]"#, "Transformer"),
        (
            #"[{"path": "gone", "type": "sentence_transformers.models.Pooling"}]"#,
            "gone/config.json"
        ),
        (#"[{"path": "", "type": "sentence_transformers.models.Pooling"}]"#, "Pooling"),
        (#"[{"path": "../a", "type": "sentence_transformers.models.Pooling"}]"#, "Pooling"),
        (#"[{"path": ""}]"#, "type"), ("{}", "modules.json"),
    ])
    func modulesThatAreNot(modules: String, named: String) throws {
        let error = #expect(throws: ModelLoadingError.self) { try load(["modules.json": modules]) }
        #expect("\(error as Any)".contains(named))
    }

    @Test func theLongestText() throws {
        let whole = try load([:])
        let path = "sentence_bert_config.json"
        #expect(try load([path: #"{"max_seq_length": 16}"#]).window == 16)
        #expect(try load([path: #"{"max_seq_length": null}"#]).window == whole.window)
        #expect(try load([path: #"{"max_seq_length": 1000000}"#]).window == whole.window)
        #expect(throws: ModelLoadingError.self) { try load([path: #"{"max_seq_length": 2}"#]) }
        // A bound that binds makes other vectors; one that does not is none.
        let short = try load([path: #"{"max_seq_length": 16}"#])
        #expect(short.fingerprint != whole.fingerprint)
        #expect(
            try load([path: #"{"max_seq_length": 1000000}"#]).fingerprint == whole.fingerprint)
    }

    /// What is there and cannot be read is not taken for what is not there.
    @Test(arguments: [
        "1_Pooling/config.json", "modules.json", "tokenizer.json", "config.json",
        "model.safetensors",
    ])
    func linksToNothing(name: String) throws {
        let directory = try directory(["1_Pooling/config.json": #"{"pooling_mode": "cls"}"#])
        let file = directory.appending(path: name)
        try? FileManager.default.removeItem(at: file)
        try FileManager.default.createSymbolicLink(
            atPath: file.path, withDestinationPath: "../blobs/gone")
        let error = #expect(throws: ModelLoadingError.self) {
            try LoadedModel.load(directory: directory)
        }
        #expect("\(error as Any)".contains("a link to a file that is not there"))
        #expect("\(error as Any)".contains(name))
    }

    @Test(arguments: [
        ("regression", ScoreFunction.identity), ("single_label_classification", .softmax),
        ("multi_label_classification", .sigmoid),
    ])
    func problemTypes(name: String, function: ScoreFunction) throws {
        let directory = try directory(
            [:], golden: "t1/SequenceClassification/torch-safetensors")
        let file = directory.appending(path: "config.json")
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        json["problem_type"] = name
        try JSONSerialization.data(withJSONObject: json).write(to: file)
        let classification = Classification(try LoadedModel.load(directory: directory))
        #expect(classification.function == function)
        let ranked = classification.ranked([0.25, 3, -1])
        if function == .identity { #expect(ranked.map(\.score) == [3, 0.25, -1]) }
    }
}
