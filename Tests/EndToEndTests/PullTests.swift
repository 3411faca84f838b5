import Foundation
import TestSupport
import Testing

/// `bigs pull`, and what it fetched under its name.
@Suite struct PullTests {
    /// A hub with the files of a small classifier; its weights are large ones.
    private func hub() throws -> FakeHub {
        let hub = FakeHub()
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        for name in try FileManager.default.contentsOfDirectory(atPath: model.path) {
            let content = try Data(contentsOf: model.appending(path: name))
            hub.put(name, content, large: name == "model.safetensors")
        }
        return hub
    }

    /// Runs the program on a thread of its own: the hub answers on those of the tests.
    private func run(
        _ arguments: [String], input: Data = Data(), environment: [String: String] = [:]
    ) async throws -> Program.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        try Program.run(arguments, input: input, environment: environment)
                    })
            }
        }
    }

    @Test func anotherArchitecturesWeightsAreNotFetched() async throws {
        let (hub, data) = (try hub(), try SmallModel.temporaryDirectory())
        hub.put("config.json", Data(#"{"model_type": "bert", "hidden_size": 16}"#.utf8))
        try await hub.run { address in
            let outcome = try await run(
                ["pull", "owner/name", "--endpoint", address],
                environment: ["XDG_DATA_HOME": data.path])
            #expect(outcome.status == 1)
            #expect(
                outcome.errors.contains("owner/name: model_type is \"bert\", and nothing but BiGS"),
                "\(outcome.errors)")
        }
        #expect(hub.takeRequests().allSatisfy { !$0.path.hasSuffix("model.safetensors") })
        let model = data.appending(path: "bigs/models/owner/name/config.json").path
        #expect(!FileManager.default.fileExists(atPath: model))
    }

    @Test func fetchedAndFoundByName() async throws {
        let (hub, data) = (try hub(), try SmallModel.temporaryDirectory())
        hub.require(token: "secret")
        hub.fail("model.safetensors", [.cut(after: 1_000)])
        try await hub.run { address in
            let environment = [
                "XDG_DATA_HOME": data.path, "HF_TOKEN": " secret\n", "HF_ENDPOINT": address,
            ]
            let outcome = try await run(["pull", "owner/name"], environment: environment)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let directory = data.appending(path: "bigs/models/owner/name").path
            #expect(outcome.lines == [directory[...]])
            #expect(outcome.errors.contains("owner/name at \(hub.commit.prefix(12)): "))
            #expect(outcome.errors.contains("model.safetensors  "))
            #expect(!outcome.errors.contains("\r"))
        }
        for (command, status) in [("classify", 0), ("inspect", 0)] {
            let model = command == "inspect" ? ["owner/name"] : ["--model", "owner/name"]
            let outcome = try await run(
                [command] + model, input: Data("abc".utf8),
                environment: ["XDG_DATA_HOME": data.path])
            #expect(outcome.status == status, "\(outcome.errors)")
        }
        let file = data.appending(path: "store.sqlite").path
        let kept = try await run(
            ["store", "import", "--model", "owner/name", "--store", file],
            input: Data(#"{"text":"abc","model":"owner/name"}"#.utf8),
            environment: ["XDG_DATA_HOME": data.path])
        #expect(kept.status == 0, "it has the name that it was fetched by: \(kept.lines)")
        let elsewhere = try await run(
            ["classify", "--model", "owner/name"], input: Data("abc".utf8),
            environment: ["XDG_DATA_HOME": "/nowhere"])
        #expect(elsewhere.status == 1)
    }

    @Test func theFlagsSayWhereFromAndWhereTo() async throws {
        let (hub, folder) = (try hub(), try SmallModel.temporaryDirectory())
        hub.add(revision: "refs/pr/7")
        try await hub.run { address in
            let outcome = try await run(
                ["pull", "owner/name", "--endpoint", address, "--revision", "refs/pr/7"]
                    + ["--output", folder.appending(path: "a/b").path],
                environment: ["HF_ENDPOINT": "http://127.0.0.1:9"])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(hub.takeRequests().first?.path == "/api/models/owner/name/revision/refs/pr/7")
        let fetched = try await run(["inspect", folder.appending(path: "a/b").path])
        #expect(fetched.status == 0)
    }

    @Test func nobodyNeedsToWatch() async throws {
        let (hub, folder) = (try hub(), try SmallModel.temporaryDirectory())
        for silence in ["2>/dev/full", "2>&-"] {
            let status = try await hub.run { address in
                let process = Process()
                process.executableURL = URL(filePath: "/bin/sh")
                process.arguments = [
                    "-c",
                    "exec \"$0\" pull owner/name --endpoint \(address) --output \"$1\" \(silence)",
                    try Program.url().path, folder.path,
                ]
                process.standardOutput = FileHandle.nullDevice
                return try await withCheckedThrowingContinuation { continuation in
                    process.terminationHandler = {
                        continuation.resume(returning: $0.terminationStatus)
                    }
                    do { try process.run() } catch { continuation.resume(throwing: error) }
                }
            }
            #expect(status == 0)
        }
    }

    @Test(arguments: [
        (["pull"], [:]), (["pull", "a/b/c"], [:]), (["pull", "a/b", "--revision", ""], [:]),
        (["pull", "a/b", "--endpoint", "huggingface.co"], [:]),
        (["pull", "a/b"], ["HF_ENDPOINT": "nowhere"]),
    ])
    func wrongUse(arguments: [String], environment: [String: String]) async throws {
        let outcome = try await run(arguments, environment: environment)
        #expect(outcome.status == 64 && outcome.output.isEmpty)
    }

    @Test func offlineNothingIsFetched() async throws {
        let outcome = try await run(["pull", "a/b"], environment: ["HF_HUB_OFFLINE": "1"])
        #expect(outcome.status == 1 && outcome.errors.contains("HF_HUB_OFFLINE is set"))
    }

    @Test func failuresAreSaid() async throws {
        let (hub, folder) = (try hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", [.damaged])
        try await hub.run { address in
            let options = ["--endpoint", address, "--output", folder.path]
            let damaged = try await run(["pull", "owner/name"] + options)
            #expect(damaged.status == 1 && damaged.output.isEmpty)
            #expect(damaged.errors.contains("model.safetensors: arrived damaged"))
            let missing = try await run(["pull", "owner/other"] + options)
            #expect(missing.status == 1 && missing.errors.contains("owner/other"))
        }
        let unreachable = try await run(
            ["pull", "owner/name", "--endpoint", "http://127.0.0.1:9", "--output", folder.path])
        #expect(unreachable.status == 1 && unreachable.errors.contains("http://127.0.0.1:9: "))
    }
}
