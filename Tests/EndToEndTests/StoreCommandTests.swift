import Foundation
import GRDB
import TestSupport
import Testing

/// The commands on a store, one after the other as a user would run them.
@Suite struct StoreCommandTests {
    private func run(_ arguments: String..., input: String = "") throws -> Program.Outcome {
        try Program.run(arguments, input: Data(input.utf8))
    }

    /// A number in letters: the small model knows no digits.
    private static func name(_ number: Int) -> String {
        String(
            String(number).map { Character(Unicode.Scalar($0.asciiValue.map { $0 + 56 } ?? 97)) })
    }

    private func lines() -> String {
        (0..<30).map { number in
            let word = number % 2 == 0 ? "abcd dcba" : "vwxy yxwv"
            let name = Self.name(number)
            return #"{"id":"d\#(number)","text":"\#(word) \#(name)","chunk":"sentence","#
                + #""metadata":{"kind":"\#(number % 2 == 0 ? "early" : "late")"}}"# + "\n"
        }.joined()
    }

    @Test func anExportLeavesOutWhatIsDamaged() throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256
        ).path
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        #expect(
            try run("store", "import", "--model", model, "--store", store, input: lines()).status
                == 0)
        let file = try DatabaseQueue(path: store)
        try file.write {
            try $0.execute(
                sql: """
                    UPDATE document_text SET text = 'x' WHERE id IN
                        (SELECT id FROM document WHERE name IN ('d3', 'd9'))
                    """)
        }
        try file.close()
        let exported = try run("store", "export", "--store", store)
        #expect(exported.status == 1)
        #expect(exported.lines.count == 28)
        for id in ["d3", "d9"] {
            #expect(exported.errors.contains("the text of the document \"\(id)\" differs"))
        }
    }

    @Test func importSearchExportReencodeAndTrain() async throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256
        ).path
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        let heads = folder.appending(path: "heads").path

        let missing = try run("store", "stats", "--store", store)
        #expect(missing.status == 1 && missing.errors.contains("there is no store"))

        let imported = try run(
            "store", "import", "--model", model, "--store", store, input: lines() + "{}\n")
        // A line that is no document is not kept, and the others are.
        #expect(imported.status == 1, "\(imported.errors)")
        let results = try imported.objects()
        #expect(results.count == 32 && results.last?["stored"] as? Int == 30)
        #expect(results[30]["status"] as? String == "error")
        let unread = try run("store", "import", "--model", model, "--store", store, folder.path)
        #expect(unread.status == 1)
        #expect(unread.errors.contains("\(folder.path) cannot be read: Is a directory"))
        let again = try run(
            "store", "import", "--model", model, "--store", store, "--errors-only", input: lines())
        #expect(again.status == 0)
        #expect(try again.objects().last?["unchanged"] as? Int == 30)

        let stats = try #require(try run("store", "stats", "--store", store).objects().first)
        #expect(stats["documents"] as? Int == 30 && stats["passages"] as? Int == 30)

        let found = try run(
            "search", "vwxy yxwv \(Self.name(7))", "--model", model, "--store", store, "--json",
            "--top-k", "3",
            "--filter", #"{"kind":"late"}"#)
        #expect(try found.objects().first?["id"] as? String == "d7", "\(found.errors)")
        #expect(try found.objects().count == 3)
        let words = try run(
            "search", Self.name(7), "--model", model, "--store", store, "--mode", "text")
        #expect(words.lines.count == 1 && words.lines[0].contains("d7  vwxy yxwv \(Self.name(7))"))
        // What is not looked for, or not read, is said.
        let many = (0..<300).map { "w\($0)" }.joined(separator: " ")
        let wordy = try run("search", many, "--model", model, "--store", store, "--mode", "text")
        #expect(wordy.errors.contains("more words than are looked for"))
        let cut = try run("search", many, "--model", model, "--store", store)
        #expect(cut.status == 0 && cut.errors.contains("tokens, of which 128 were read"))
        let scaled = try run(
            "search", Self.name(7), "--model", model, "--store", store, "--mode", "hybrid",
            "--fusion", "relative_score", "--json")
        #expect(try scaled.objects().contains { $0["id"] as? String == "d7" }, "\(scaled.errors)")
        let ranked = try run(
            "search", Self.name(7), "--model", model, "--store", store, "--mode", "hybrid",
            "--rank-constant", "1", "--json", "--top-k", "30")
        let first = try #require(try ranked.objects().first { $0["text_rank"] as? Int == 1 })
        let place = try #require(first["vector_rank"] as? Int)
        let score = try #require(first["score"] as? Double)
        #expect(abs(score - (1.0 / 2 + 1.0 / Double(1 + place))) < 1e-15)
        for (mode, constant) in [("vector", "5"), ("hybrid", "0")] {
            let refused = try run(
                "search", "a", "--model", model, "--store", store, "--mode", mode,
                "--rank-constant", constant)
            #expect(refused.status == 64 && refused.errors.contains("--rank-constant"))
        }
        let worded = try run(
            "search", Self.name(7), "--model", model, "--store", store, "--mode", "hybrid",
            "--alpha", "0", "--json")
        #expect(try worded.objects().map { $0["id"] as? String } == ["d7"], "\(worded.errors)")
        for (mode, alpha) in [("text", "0.5"), ("hybrid", "1.1"), ("hybrid", "nan")] {
            let refused = try run(
                "search", "a", "--model", model, "--store", store, "--mode", mode, "--alpha", alpha)
            #expect(refused.status == 64 && refused.errors.contains("--alpha"))
        }
        let unranked = try run(
            "search", "a", "--model", model, "--store", store, "--mode", "text", "--passages", "all"
        )
        #expect(unranked.status == 64 && unranked.errors.contains("--passages"))
        for (mode, weight) in [("text", "0.5"), ("vector", "1.1"), ("vector", "nan")] {
            let refused = try run(
                "search", "a", "--model", model, "--store", store, "--mode", mode,
                "--passage-weight", weight)
            #expect(refused.status == 64 && refused.errors.contains("--passage-weight: "))
        }
        let joined = try run(
            "search", Self.name(7), "--model", model, "--store", store, "--passage-weight", "0.5",
            "--json")
        #expect(
            try joined.objects().contains {
                $0["id"] as? String == "d7" && $0["passage_rank"] as? Int != nil
            }, "\(joined.errors)")
        let alone = try run(
            "search", "a", "--model", model, "--store", store, "--fusion", "rrf")
        #expect(alone.status == 64 && alone.errors.contains("--fusion: joins rankings"))
        let prompted = try run(
            "search", "a", "--model", model, "--store", store, "--mode", "text",
            "--prompt-name", "query")
        #expect(prompted.status == 64 && prompted.errors.contains("--prompt-name"))
        let unknown = try run(
            "search", "a", "--model", model, "--store", store, "--passages", "bogus")
        #expect(unknown.status == 64 && unknown.errors.contains("--passages: expected document"))
        let wrong = try run(
            "search", "a", "--model", model, "--store", store, "--filter", #"{"$foo":1}"#)
        #expect(wrong.status != 0 && wrong.errors.contains("$foo"))

        let exported = try run("store", "export", "--store", store)
        #expect(try exported.objects().count == 30)

        let trained = try run(
            "head", "train", "--model", model, "--store", store, "--label-field", "metadata.kind",
            "--name", "kinds", "--heads", heads, "--json")
        #expect(trained.status == 0, "\(trained.errors)")
        let head = try #require(try trained.objects().first)
        #expect(head["labels"] as? [String] == ["early", "late"])
        #expect((head["accuracy"] as? Double ?? 0) > 0.9)
        let listed = try Program.run(
            ["head", "list", "--model", model], environment: ["BIGS_HEADS": heads])
        #expect(try listed.objects().first?["name"] as? String == "kinds")
        // One that is damaged hides no other, and a folder that is not there is no empty one.
        try Data("no head".utf8).write(to: URL(filePath: heads).appending(path: "a.safetensors"))
        let partly = try run("head", "list", "--model", model, "--heads", heads)
        #expect(partly.status == 1 && partly.errors.contains("a.safetensors"))
        #expect(try partly.objects().map { $0["name"] as? String } == ["kinds"])
        let nowhere = try run("head", "list", "--model", model, "--heads", heads + "/none")
        #expect(nowhere.status == 1 && nowhere.lines.isEmpty)
        #expect(
            nowhere.errors == "Error: \(heads)/none: cannot be read: No such file or directory\n")
        // Whether a head can be written is found out before it is made.
        let unwritable = try run(
            "head", "train", "--model", model, "--store", store, "--label-field", "metadata.kind",
            "--name", "kinds", "--heads", store)
        #expect(unwritable.status == 1 && unwritable.errors.contains("--heads or BIGS_HEADS"))
        #expect(!unwritable.errors.contains("fold "))

        // Another model finds none of them, and says why.
        let unseen = try run(
            "search", "abcd", "--model", model, "--pooling", "cls", "--store", store)
        #expect(unseen.status == 0 && unseen.lines.isEmpty)
        #expect(unseen.errors.contains("30 documents have vectors of other models only"))
        #expect(unseen.errors.contains("bigs store reencode") && !found.errors.contains("reencode"))
        let other = try await RunningServer([
            "--model", model, "--pooling", "cls", "--store", store,
        ])
        let like = try await other.post("/documents/search", #"{"like":"d1"}"#)
        #expect(like.status == 404)
        #expect(String(decoding: like.body, as: UTF8.self).contains("no vector of this model"))
        let none = try await other.post("/documents/search", #"{"like":"none"}"#)
        #expect(String(decoding: none.body, as: UTF8.self).contains("there is no document"))
        #expect(other.end(SIGTERM) == 0)
        #expect(other.logText.contains("30 documents have vectors of other models only"))

        // Another model: the old one serves while its vectors are made.
        let server = try await RunningServer([
            "--model", model, "--store", store, "--heads", heads,
        ])
        let predicted = try await server.post(
            "/predict", #"{"inputs":"abcd dcba d","head":"kinds","top_k":1}"#)
        #expect(String(decoding: predicted.body, as: UTF8.self).contains("early"))
        let moved = try run(
            "store", "reencode", "--model", model, "--pooling", "cls", "--store", store)
        #expect(moved.status == 0 && moved.errors.contains("30 of 30"), "\(moved.errors)")
        let old = try await server.post(
            "/documents/search", #"{"query":"abcd dcba \#(Self.name(4))","top_k":1}"#)
        #expect(String(decoding: old.body, as: UTF8.self).contains(#""id":"d4""#))
        #expect(server.end(SIGTERM) == 0)
        let both = try #require(try run("store", "stats", "--store", store).objects().first)
        #expect((both["documents_by_model"] as? [String: Int])?.count == 2)
        let finished = try run(
            "store", "reencode", "--model", model, "--pooling", "cls", "--store", store, "--finish")
        #expect(try finished.objects().first?["finished"] as? Bool == true)
        let one = try #require(try run("store", "stats", "--store", store).objects().first)
        #expect((one["documents_by_model"] as? [String: Int])?.values.map { $0 } == [30])
        let unfit = try run(
            "head", "train", "--model", model, "--store", store, "--label-field", "metadata.kind",
            "--name", "kinds", "--heads", heads)
        #expect(unfit.status == 1 && unfit.errors.contains("30 the encoding"))

        let compacted = try run("store", "compact", "--store", store)
        #expect(try compacted.objects().first?["bytes_after"] is Int)
    }

    @Test func searchPutsThePromptBeforeTheQuery() throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let prompts = #"{"prompts":{"query":"wxyz "}}"#
        try Data(prompts.utf8).write(
            to: model.appending(path: "config_sentence_transformers.json"))
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        let arguments = ["--model", model.path, "--store", store]
        let imported = try Program.run(
            ["store", "import"] + arguments, input: Data(#"{"id":"a","text":"wxyz abcd"}"#.utf8))
        #expect(imported.status == 0, "\(imported.errors)")
        func score(_ more: [String]) throws -> Double? {
            let found = try Program.run(["search", "abcd", "--json"] + arguments + more)
            return try found.objects().first?["score"] as? Double
        }
        let named = try #require(try score(["--prompt-name", "query"]))
        #expect(abs(named - 1) < 1e-6)
        #expect(try #require(try score([])) < named - 1e-4)
        let unknown = try Program.run(["search", "abcd", "--prompt-name", "none"] + arguments)
        #expect(unknown.status == 1 && unknown.errors.contains("prompt_name"))
    }

    @Test func aLineIsAnsweredBeforeTheNextIsSent() async throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let server = try await RunningServer(["--model", model.path, "--store", store])
        let client = try DuplexClient(
            server.base, path: "/documents/import", contentType: "application/x-ndjson")
        for number in 1...5 {
            #expect(client.send(#"{"id":"d\#(number)","text":"abc \#(number)"}"# + "\n"))
            var patience = 2_000
            while client.lines.count < number, patience > 0 {
                try await Task.sleep(for: .milliseconds(10))
                patience -= 1
            }
            #expect(client.lines.count == number)
            #expect(client.lines.last?.contains(#""status":"stored""#) == true)
        }
        #expect(client.finish())
        await client.waitForEnd()
        #expect(client.lines.last?.contains(#""status":"done","lines":5"#) == true)
        #expect(server.end(SIGTERM) == 0)
    }

    /// As most clients do. Both the lines and the results are more than the systems' buffers hold.
    @Test func allLinesAreSentBeforeTheFirstAnswerIsRead() async throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let server = try await RunningServer(["--model", model.path, "--store", store])
        let client = try DuplexClient(
            server.base, path: "/documents/import", contentType: "application/x-ndjson",
            readsLater: true)
        let count = 30_000
        let name = String(repeating: "x", count: 300)
        let bad = String(repeating: #"{"text":"abc","keep_states":"\#(name)"}"# + "\n", count: 500)
        #expect(client.send(#"{"id":"first","text":"abc"}"# + "\n"))
        for _ in 0..<count / 500 { try #require(client.send(bad)) }
        #expect(client.send(#"{"id":"last","text":"abc"}"# + "\n"))
        #expect(client.finish())
        client.startReading()
        await client.waitForEnd()
        let numbers = client.lines.dropLast().map { line in
            line.dropFirst(#"{"line":"#.count).prefix { $0.isNumber }
        }
        #expect(numbers == (1...count + 2).map { "\($0)"[...] })
        #expect(client.lines.first?.contains(#""id":"first","status":"stored""#) == true)
        #expect(client.lines.dropLast().last?.contains(#""id":"last","status":"stored""#) == true)
        #expect(client.lines.last?.contains(#""status":"done","lines":30002"#) == true)
        #expect(server.end(SIGTERM) == 0)
    }
}
