import Foundation
import Synchronization
import TestSupport
import Testing

/// The real binary, the embedded model, a socket.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ServeTests {
    /// About 3,000 tokens of English: the first paragraph repeated with its number.
    private let document = (1...60).map {
        "Paragraph \($0). A state space model reads a document in one pass, from the first word to "
            + "the last and back again, and keeps what it has read in a state of fixed size; its "
            + "cost grows with the length of the text and no faster."
    }.joined(separator: "\n\n")

    @Test func aDocumentIsEncodedOnceAndSurvivesAKill() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        var server = try await RunningServer(["--store", store])
        let first = try await server.post("/embed", inputs: [document])
        #expect(first.status == 200)
        #expect(first.headers["x-cache"] == "miss")
        #expect(first.headers["x-truncated-inputs"] == "0")
        #expect(Int(first.headers["x-compute-tokens"] ?? "") ?? 0 > 2_500)
        let vectors = try #require(
            JSONSerialization.jsonObject(with: first.body) as? [[Double]])
        #expect(vectors.map(\.count) == [256])
        try await server.waitUntilCached(1)

        let second = try await server.post("/embed", inputs: [document])
        #expect(second.headers["x-cache"] == "hit")
        #expect(second.body == first.body)

        #expect(server.end(SIGKILL) == SIGKILL)
        server = try await RunningServer(["--store", store])
        let third = try await server.post("/embed", inputs: [document])
        #expect(third.headers["x-cache"] == "hit")
        #expect(third.body == first.body)
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func everyAnsweredEncodingOutlivesKillsAtRandomMoments() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        var random = SeededGenerator(seed: 20)
        var answered: [String: Data] = [:]
        for round in 0..<4 {
            let server = try await RunningServer(["--store", store])
            for (text, body) in answered {
                let answer = try await server.post("/embed", inputs: [text])
                #expect(answer.headers["x-cache"] == "hit", "round \(round): \(text)")
                #expect(answer.body == body)
            }
            let texts = (0..<40).map { "round \(round), text \($0)" }
            let survivors = await withTaskGroup(of: (String, Data)?.self) { group in
                for text in texts {
                    group.addTask {
                        guard let answer = try? await server.post("/embed", inputs: [text]),
                            answer.status == 200
                        else { return nil }
                        return (text, answer.body)
                    }
                }
                var seen: [(String, Data)] = []
                let limit = Int.random(in: 1...30, using: &random)
                for await result in group {
                    if let result { seen.append(result) }
                    if seen.count == limit { _ = server.end(SIGKILL) }
                }
                return seen
            }
            if survivors.count < 30 { #expect(!survivors.isEmpty) }
            for (text, body) in survivors { answered[text] = body }
            _ = server.end(SIGKILL)
        }
    }

    @Test func commandLineAndServiceGiveTheSameNumbers() async throws {
        let server = try await RunningServer(["--store", "none"])
        let texts = ["a short text", document]
        let served = try #require(
            JSONSerialization.jsonObject(
                with: try await server.post("/embed", inputs: texts).body) as? [[Double]])
        for (text, vector) in zip(texts, served) {
            let line = try Program.run(["embed"], input: Data(text.utf8)).objects()
            #expect((line[0]["embedding"] as? [Double])?.map(Float.init) == vector.map(Float.init))
        }
    }

    /// The store that nobody named: the server goes on without.
    @Test func aDamagedStoreIsNamedAndLeftAlone() async throws {
        let folder = try SmallModel.temporaryDirectory()
        let store = folder.appending(path: "bigs.sqlite")
        let garbage = Data(repeating: 0x41, count: 10_000)
        try garbage.write(to: store)
        let server = try await RunningServer([], folder: folder)
        #expect(try await server.post("/embed", inputs: ["a"]).status == 200)
        #expect(server.logText.contains("bigs.sqlite is not an SQLite database"))
        let info = try await server.get("/info")
        #expect(String(decoding: info.body, as: UTF8.self).contains("not an SQLite database"))
        #expect(server.end(SIGTERM) == 0)
        #expect(try Data(contentsOf: store) == garbage)
    }

    @Test func aStoreThatIsNamedHasToOpen() throws {
        let folder = try SmallModel.temporaryDirectory()
        let garbage = folder.appending(path: "garbage")
        try Data(repeating: 0x41, count: 10_000).write(to: garbage)
        for path in [garbage.path, folder.appending(path: "none/store.sqlite").path] {
            for (arguments, environment) in [
                (["--store", path], [:]), ([], ["BIGS_STORE": path]),
            ] {
                let outcome = try Program.run(
                    ["serve", "--port", "0"] + arguments, environment: environment)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("Error: --store: \(path)"), "\(outcome.errors)")
            }
        }
    }

    @Test func aPortThatIsTakenEndsTheServer() async throws {
        let server = try await RunningServer(["--store", "none"])
        let port = try #require(server.base.port)
        let outcome = try Program.run(["serve", "--store", "none", "--port", "\(port)"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("in use"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("ready"), "\(outcome.errors)")
    }

    @Test func overloadIsAnsweredAtOnce() async throws {
        let server = try await RunningServer(["--store", "none", "--max-queue-tokens", "1"])
        let text = document
        let statuses = await withTaskGroup(of: (Int, String?).self) { group in
            for index in 0..<24 {
                group.addTask {
                    let texts = (0..<8).map { "\(index) \($0) \(text)" }
                    let answer = try? await server.post("/embed", inputs: texts)
                    return (answer?.status ?? 0, answer?.headers["retry-after"])
                }
            }
            return await group.reduce(into: [(Int, String?)]()) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0.0 == 200 || ($0.0 == 429 && $0.1 != nil) })
        #expect(statuses.contains { $0.0 == 200 } && statuses.contains { $0.0 == 429 })
    }

    @Test func sigtermFinishesWhatRuns() async throws {
        let server = try await RunningServer(["--store", "none", "--drain-timeout", "600"])
        let text = document
        // Again where the texts were encoded before anybody saw it.
        while true {
            let isDone = Atomic(false)
            async let answer = {
                defer { isDone.store(true, ordering: .relaxed) }
                return try await server.post("/embed", inputs: (0..<16).map { "\($0) \(text)" })
            }()
            var isRunning = false
            while !isRunning, !isDone.load(ordering: .relaxed) {
                let info =
                    try JSONSerialization.jsonObject(
                        with: try await server.get("/info").body) as? [String: Any]
                isRunning = (info?["queued_tokens"] as? Int ?? 0) > 0
            }
            if isRunning { #expect(server.end(SIGTERM) == 0) }
            let status = try await answer.status
            #expect(status == 200)
            if isRunning { return }
        }
    }

    @Test func aWrongModelEndsTheServerWithAReason() throws {
        let folder = try SmallModel.temporaryDirectory()
        let outcome = try Program.run(
            ["serve", "--port", "0", "--store", "none", "--model", folder.path])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("config.json"))
    }

    /// Of several models, which one it is.
    @Test func aDamagedModelIsNamedWithItsFolder() throws {
        let golden = "t1/SequenceClassification/torch-safetensors"
        let good = try SmallModel.directory(golden: golden, vocabularySize: 256)
        let bad = try SmallModel.directory(golden: golden, vocabularySize: 256)
        try Data("no weights".utf8).write(to: bad.appending(path: "model.safetensors"))
        let outcome = try Program.run(
            ["serve", "--port", "0", "--store", "none", "--model", "a=\(good.path)"]
                + ["--model", "b=\(bad.path)"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("\(bad.path): model.safetensors: "), "\(outcome.errors)")
    }

    @Test func settingsFromTheEnvironment() throws {
        // A bad value shows that the variable was read, without starting anything.
        let outcome = try Program.run(
            ["serve"], environment: ["BIGS_MAX_CLIENT_BATCH_SIZE": "none"])
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("max-client-batch-size"))
    }
}
