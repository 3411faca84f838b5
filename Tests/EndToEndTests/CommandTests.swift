import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite struct CommandTests {
    @Test(arguments: ["serve", "embed", "classify", "tokenize", "forward", "inspect", "bench"])
    func everyCommandHasHelp(command: String) throws {
        let outcome = try Program.run([command, "--help"])
        #expect(outcome.status == 0)
        #expect(String(decoding: outcome.output, as: UTF8.self).contains("USAGE: bigs \(command)"))
    }

    @Test func withoutArgumentsThereIsHelp() throws {
        let outcome = try Program.run([])
        #expect(outcome.status == 0 && outcome.lines.contains { $0.contains("SUBCOMMANDS") })
    }

    @Test func wrongUsageExitsWith64() throws {
        for arguments in [
            ["nothing"], ["embed", "--dimensions", "x"], ["embed", "--dtype", "float8"],
            ["forward"], ["tokenize", "--padding", "max-length"],
            ["tokenize", "--padding", "max-length", "--max-length", "9000000000000"],
            ["serve", "--port", "70000"],
            ["serve", "--max-connections", "0"],
        ] { #expect(try Program.run(arguments).status == 64, "\(arguments)") }
        for flag in ["--count", "--dimensions", "--top-k", "--queries"] {
            for value in ["0", "9000000000000"] {
                let outcome = try Program.run(["bench", "search", flag, value])
                #expect(outcome.status == 64 && outcome.errors.contains("\(flag): expected 1 to "))
            }
        }
    }

    @Test(arguments: ["", " ", ","])
    func anEmptyKeyOfTheEnvironmentIsRefusedAsTheFlagsIs(keys: String) throws {
        let outcome = try Program.run(
            ["serve", "--port", "0", "--store", "none"], environment: ["BIGS_API_KEY": keys])
        #expect(outcome.status == 64, "\(outcome.errors)")
        let flag = try Program.run(["serve", "--api-key", ""])
        #expect(outcome.errors == "BIGS_API_KEY sets --api-key.\n" + flag.errors)
    }

    @Test func embedReadsFilesStandardInputAndJSONLines() throws {
        let folder = try SmallModel.temporaryDirectory()
        let file = folder.appending(path: "a.txt")
        try Data("a text about kernels".utf8).write(to: file)
        let fromFile = try Program.run(["embed", file.path]).objects()
        let fromInput = try Program.run(["embed"], input: Data("a text about kernels".utf8))
            .objects()
        let lines = """
            {"id": "x", "text": "a text about kernels"}
            {"text": "another", "id": 7}

            {"text": "b"}
            """
        let fromLines = try Program.run(["embed", "--jsonl"], input: Data(lines.utf8)).objects()
        #expect(fromFile[0]["id"] as? String == file.path)
        #expect(fromLines.map { $0["id"] as? String } == ["x", "7", "4"])
        let ids = try Program.run(["tokenize", file.path]).objects()[0]["ids"] as? [Int]
        #expect(fromLines[0]["tokens"] as? Int == ids?.count)
        #expect(fromLines[0]["tokens_used"] as? Int == ids?.count)
        let vectors = [fromFile, fromInput, fromLines].map { $0[0]["embedding"] as? [Double] }
        #expect(vectors[0]?.count == 256)
        #expect(vectors[0] == vectors[1] && vectors[1] == vectors[2])
        let short = try Program.run(["embed", "--dimensions", "4", file.path]).objects()
        #expect((short[0]["embedding"] as? [Double])?.count == 4)
    }

    @Test func badLinesAreNamed() throws {
        let outcome = try Program.run(
            ["embed", "--jsonl"], input: Data("{\"text\": \"a\"}\n{\"txt\": 1}\n".utf8))
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("line 2"))
        for arguments in [["/nonexistent/file"], ["--jsonl", "/nonexistent/file"]] {
            let missing = try Program.run(["embed"] + arguments)
            #expect(missing.status == 1)
            #expect(
                missing.errors.contains(
                    "/nonexistent/file cannot be read: No such file or directory"))
        }
        let folder = try SmallModel.temporaryDirectory()
        for arguments in [[folder.path], ["--jsonl", folder.path]] {
            let outcome = try Program.run(["embed"] + arguments)
            #expect(outcome.status == 1 && outcome.output.isEmpty)
            #expect(outcome.errors.contains("\(folder.path) cannot be read: Is a directory"))
        }
    }

    @Test(arguments: ["embed", "classify"]) func emptyTextsAreRefused(command: String) throws {
        let alone = try Program.run([command])
        #expect(alone.status == 1 && alone.output.isEmpty)
        #expect(alone.errors.contains("standard input: the text cannot be empty"))
        let lines = try Program.run(
            [command, "--jsonl"], input: Data("{\"text\":\"a\"}\n{\"text\":\"\"}\n".utf8))
        #expect(lines.status == 1)
        #expect(lines.errors.contains("standard input, line 2: the text cannot be empty"))
        #expect(lines.lines.count == 1)
    }

    @Test(arguments: [
        (#"{"text":3}"#, "text: expected a string"), (#"{"text":"a","pair":[]}"#, "pair: expected"),
        (#"{"text":"a","id":1.5}"#, "id: expected a string or a whole number"),
        (#"["text"]"#, "expected a JSON object"), (#"{"text":"a""#, "is not JSON"),
    ])
    func badLinesSayWhatIsWrong(line: String, reason: String) throws {
        let outcome = try Program.run(
            ["embed", "--jsonl"], input: Data("{\"text\":\"a\"}\n\(line)\n".utf8))
        #expect(outcome.status == 1 && outcome.lines.count == 1)
        #expect(outcome.errors.contains("line 2: \(reason)"), "\(outcome.errors)")
    }

    /// A program that writes a line and waits for its result gets it.
    @Test(.timeLimit(.minutes(10))) func aPauseIsUsed() throws {
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = try Program.url()
        process.arguments = ["embed", "--jsonl", "--dimensions", "2"]
        process.environment = Program.environment
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        for _ in 0..<2 {
            input.fileHandleForWriting.write(Data("{\"text\":\"a\"}\n".utf8))
            let line = output.fileHandleForReading.availableData
            #expect(line.last == 0x0A && line.contains(UInt8(ascii: "[")))
        }
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    /// By its place, not by its place in the pass that it shares with others.
    @Test func aTextThatIsTooLongIsNamed() throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/flax", vocabularySize: 256)
        let folder = try SmallModel.temporaryDirectory()
        let (short, long) = ("ab", String(repeating: "ab ", count: 300))
        let lines = (0..<40).map { #"{"text":"\#($0 == 36 ? long : short)"}"# }
        for (name, text) in [
            ("short.txt", short), ("long.txt", long), ("x.jsonl", lines.joined(separator: "\n")),
        ] {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        for (files, place) in [
            (["short.txt", "long.txt"], "long.txt"), (["--jsonl", "x.jsonl"], "x.jsonl, line 37"),
        ] {
            let outcome = try Program.run(
                ["embed", "--model", model.path, "--truncate", "false"] + files, folder: folder)
            #expect(outcome.status == 1)
            #expect(outcome.lines.count == (files[0] == "--jsonl" ? 36 : 1))
            #expect(outcome.errors.hasPrefix("Error: \(place) has 602 tokens"), "\(outcome.errors)")
            #expect(outcome.errors.contains("pass --truncate true"))
        }
    }

    @Test func aModelThatWasNotFetchedIsSaid() throws {
        let outcome = try Program.run(
            ["embed", "--model", "owner/nowhere"], environment: ["XDG_DATA_HOME": "/nowhere"])
        #expect(outcome.status == 1 && outcome.errors.contains("bigs pull owner/nowhere"))
    }

    @Test func aStoreOfNoneIsNone() throws {
        let folder = try SmallModel.temporaryDirectory()
        let outcome = try Program.run(
            ["embed", "--store", "none"], input: Data("abc".utf8), folder: folder)
        #expect(outcome.status == 0)
        let imported = try Program.run(
            ["store", "import", "--store", "none"], input: Data(#"{"text":"abc"}"#.utf8),
            folder: folder)
        #expect(imported.status != 0 && imported.errors.contains("--store: none keeps nothing"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test func classifyPrintsLabels() throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/flax", vocabularySize: 256)
        let outcome = try Program.run(
            ["classify", "--model", model.path, "--top-k", "2"], input: Data("abc".utf8))
        let labels = try #require(try outcome.objects()[0]["labels"] as? [[String: Any]])
        #expect(labels.count == 2)
        let none = try Program.run(["classify", "--model", "bigs-mini"], input: Data("abc".utf8))
        #expect(none.status == 1 && none.errors.contains("sequenceClassification"))
        #expect(none.errors.contains("--model, such as bigs-mini-section"))
    }

    /// Without `--model`, the embedded classifier, which knows what its labels are called.
    @Test func classifyWorksWithoutAModel() throws {
        let text = "A module for Python that parses configuration files. It supports Python 3."
        for arguments in [["classify"], ["classify", "--model", "bigs-mini-section"]] {
            let outcome = try Program.run(arguments, input: Data(text.utf8))
            let labels = try #require(try outcome.objects()[0]["labels"] as? [[String: Any]])
            #expect(labels.count > 10)
            #expect(labels[0]["label"] as? String == "python")
        }
    }

    @Test func tokenizeEqualsTheReferenceOnEveryString() throws {
        struct File: Decodable {
            struct Case: Decodable {
                let text: String
                let ids: [Int]
            }
            let strings: [Case]
        }
        let cases = try JSONDecoder().decode(
            File.self, from: Data(contentsOf: Fixtures.url("tokenizer/strings.json"))
        ).strings
        var input = Data()
        for item in cases {
            input += try JSONSerialization.data(withJSONObject: ["text": item.text])
            input.append(0x0A)
        }
        let outcome = try Program.run(["tokenize", "--jsonl"], input: input)
        let lines = try outcome.objects()
        #expect(lines.count == cases.count && cases.count == 400)
        for (line, item) in zip(lines, cases) {
            #expect(line["ids"] as? [Int] == item.ids, "\(item.text.debugDescription)")
        }
    }

    /// The next line is tokenized all the same, and the end says that one was not.
    @Test func tokenizeAnswersEveryLineAndFailsWhereOneDid() throws {
        let lines =
            #"{"text":"a"}"# + "\n" + #"{"id":"x","text":"a b c"}"# + "\n" + #"{"text":"a"}"#
        let outcome = try Program.run(
            ["tokenize", "--jsonl", "--max-length", "3", "--truncation", "only_second"],
            input: Data(lines.utf8))
        #expect(outcome.status == 1)
        let objects = try outcome.objects()
        #expect(objects.map { $0["error"] is String } == [false, true, false])
        #expect(objects.map { $0["id"] as? String } == ["1", "x", "3"])
    }

    @Test func forwardEqualsTheReference() throws {
        let folder = try SmallModel.temporaryDirectory()
        let cases = Fixtures.url("goldens/t1")
        let inputs = try SafetensorsFile(url: cases.appending(path: "inputs.safetensors"))
        let expected = try SafetensorsFile(
            url: cases.appending(path: "expected_f64_tanh.safetensors"))
        let input = folder.appending(path: "in.safetensors")
        let output = folder.appending(path: "out.safetensors")
        func copy(
            _ name: String, as newName: String
        ) throws -> (name: String, shape: [Int], values: SafetensorsWriter.Values) {
            let view = try #require(inputs.tensors[name])
            return (newName, view.shape, .int32(try view.integers().map { Int32($0) }))
        }
        try SafetensorsWriter.write(
            ["input_ids", "attention_mask", "token_type_ids"].map {
                try copy("b3.\($0)", as: $0)
            }, metadata: [:], to: input)
        let outcome = try Program.run([
            "forward", "--model", cases.appending(path: "SequenceClassification/flax").path,
            "--input", input.path, "--output", output.path,
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let result = try SafetensorsFile(url: output)
        let logits = try #require(result.tensors["logits"])
        let truth = try #require(expected.tensors["b3.SequenceClassification.logits"])
        #expect(logits.shape == truth.shape)
        for (a, b) in zip(try logits.floats(), try truth.floats()) { #expect(abs(a - b) < 2e-6) }
        #expect(result.tensors["last_hidden_state"]?.shape == [3, 128, 64])
        #expect(result.tensors["pooler_output"]?.shape == [3, 64])
    }

    @Test func forwardSaysWhatItExpectedAndWhatItGot() throws {
        let folder = try SmallModel.temporaryDirectory()
        let model = Fixtures.url("goldens/t1/SequenceClassification/flax").path
        let input = folder.appending(path: "in.safetensors")
        func errors(
            _ name: String, _ shape: [Int], output: String = "out.safetensors"
        ) throws -> String {
            let count = shape.reduce(1, *)
            try SafetensorsWriter.write(
                [(name, shape, .int32(Array(repeating: 5, count: count)))], to: input)
            let outcome = try Program.run([
                "forward", "--model", model, "--input", input.path, "--output",
                folder.appending(path: output).path,
            ])
            #expect(outcome.status == 1)
            return outcome.errors
        }
        #expect(try errors("ids", [1, 3]).contains("has no input_ids; it has: ids"))
        #expect(
            try errors("input_ids", [3]).contains(
                "input_ids: expected [B, L] or [B, choices, L], not empty, got shape [3]"))
        #expect(
            try errors("input_ids", [1, 3], output: "none/out").contains(
                "none/out: cannot be written: No such file or directory"))
    }

    @Test func inspectListsEveryProblemOrSaysWhatTheModelIs() throws {
        let good = try Program.run(["inspect"])
        #expect(good.status == 0)
        let text = String(decoding: good.output, as: UTF8.self)
        for part in ["256", "4096", "erf", "none"] { #expect(text.contains(part), "\(part)") }

        let folder = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let configuration = folder.appending(path: "config.json")
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: configuration)) as? [String: Any])
        json["num_hidden_layers"] = 3
        json["intermediate_size"] = 100
        try JSONSerialization.data(withJSONObject: json).write(to: configuration)
        let bad = try Program.run(["inspect", folder.path])
        #expect(bad.status == 1)
        let problems = String(decoding: bad.output, as: UTF8.self)
        #expect(problems.contains("encoder.layer.2.") && problems.contains("encoder.layer.0.dv"))
    }
}
