import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Hub

/// Fetching from a hub that answers as huggingface.co does, and from ones that fail.
@Suite struct DownloadTests: DownloadFixture {
    @Test func whatAModelNeedsComes() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.put("1_Pooling/config.json", Data("{}".utf8))
        hub.put("README.md", Data())
        try await hub.run { address in
            let outcome = try await pull(from: address, into: directory)
            #expect(outcome.commit == hub.commit && outcome.kept == 0)
        }
        let files = try files(in: directory)
        #expect(files.keys.sorted() == (wanted + ["1_Pooling/config.json", "README.md"]).sorted())
        #expect(files["model.safetensors"] == content("weights", 300_000))
        #expect(files["vocab.txt"] == content("vocab", 5_000))
        #expect(files["README.md"] == Data())
        // All of one commit, whatever happens to the branch meanwhile.
        #expect(
            hub.takeRequests().dropFirst().allSatisfy {
                $0.path.hasPrefix("/owner/name/resolve/\(hub.commit)/")
                    || $0.path.hasPrefix("/objects/")
            })
    }

    @Test func whatIsThereIsNotFetchedAgain() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        try await hub.run { address in
            _ = try await pull(from: address, into: directory)
            _ = hub.takeRequests()
            #expect(try await pull(from: address, into: directory).kept == 3)
            #expect(hub.takeRequests().count == 1)
            // A file that was damaged, or cut short, is mended.
            var damaged = content("weights", 300_000)
            damaged[1000] ^= 1
            try damaged.write(to: directory.appending(path: "model.safetensors"))
            try Data().write(to: directory.appending(path: "vocab.txt"))
            #expect(try await pull(from: address, into: directory).kept == 1)
        }
        let files = try files(in: directory)
        #expect(files["model.safetensors"] == content("weights", 300_000))
        #expect(files["vocab.txt"] == content("vocab", 5_000))
    }

    @Test func aNewCommitReplacesAndOtherFilesStay() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.add(revision: "refs/pr/1")
        try Data("mine".utf8).write(to: directory.appending(path: "added_tokens.json"))
        try await hub.run { address in
            let first = try await pull(from: address, into: directory)
            hub.put("model.safetensors", content("newer", 200_000), large: true)
            let second = try await pull(from: address, into: directory, revision: "refs/pr/1")
            #expect(second.commit != first.commit && second.kept == 2)
        }
        let files = try files(in: directory)
        #expect(files["model.safetensors"] == content("newer", 200_000))
        #expect(files["added_tokens.json"] == Data("mine".utf8))
    }

    @Test func aLostConnectionGoesOnWhereItWas() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", [.cut(after: 100_000), .cut(after: 50_000)])
        try await hub.run { address in _ = try await pull(from: address, into: directory) }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
        let ranges = hub.takeRequests().filter { $0.path == "/objects/model.safetensors" }.map(
            \.range)
        #expect(ranges.count == 3 && ranges[0] == nil)
        #expect(
            ranges.dropFirst().allSatisfy {
                $0?.hasPrefix("bytes=") == true && $0?.hasPrefix("bytes=0-") == false
            })
    }

    /// As often as it goes on at all: the pauses are those between attempts that bring nothing.
    @Test func progressForgivesFailures() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", Array(repeating: .cut(after: 30_000), count: 8))
        try await hub.run { address in
            _ = try await pull(from: address, into: directory, pauses: [.zero])
        }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
    }

    @Test func aKilledFetchGoesOnWhereItWas() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let part = directory.appending(path: "model.safetensors.part")
        try content("weights", 300_000).prefix(120_000).write(to: part)
        try await hub.run { address in _ = try await pull(from: address, into: directory) }
        #expect(try files(in: directory).keys.sorted() == wanted)
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
        #expect(hub.takeRequests().contains { $0.range == "bytes=120000-299999" })
    }

    @Test(arguments: [
        ("other", 120_000), ("weights", 300_000), ("weights", 400_000), ("other", 300_000),
    ])
    func whatAnEarlierFetchLeftMayBeOfUse(name: String, count: Int) async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        try content(name, count).write(to: directory.appending(path: "model.safetensors.part"))
        try await hub.run { address in _ = try await pull(from: address, into: directory) }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
        #expect(try files(in: directory).keys.sorted() == wanted)
    }

    @Test(arguments: [1, 2, 3, 4].map { 300_000 / $0 })
    func largeFilesComeInPieces(piece: Int) async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", piece < 300_000 ? [.cut(after: 30_000)] : [])
        try await hub.run { address in
            _ = try await pull(from: address, into: directory, piece: piece)
        }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
        let asked = hub.takeRequests().filter { $0.path == "/objects/model.safetensors" }
        #expect(asked.count == (piece == 300_000 ? 1 : 300_000 / piece + 1))
    }

    @Test func aHubWithoutRangesSendsAllAgain() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", [.cut(after: 100_000), .ignoresRange])
        try await hub.run { address in _ = try await pull(from: address, into: directory) }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
    }

    @Test(arguments: [FakeHub.Fault.damaged, .longer])
    func wrongBytesTakeNoPlace(fault: FakeHub.Fault) async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", [fault])
        try await hub.run { address in
            do {
                _ = try await pull(from: address, into: directory)
                Issue.record("nothing was thrown")
            } catch HubError.digestDiffers(let file, _, _), HubError.sizeDiffers(let file, _, _) {
                #expect(file == "model.safetensors")
            }
            // Not one file of the model is in its place, and the next attempt gets it right.
            #expect(try files(in: directory).keys.allSatisfy { $0.hasSuffix(".part") })
            _ = try await pull(from: address, into: directory)
        }
        #expect(try files(in: directory)["model.safetensors"] == content("weights", 300_000))
        #expect(try files(in: directory).keys.sorted() == wanted)
    }

    /// A hub that says more than it has is not asked for ever.
    @Test func whatStaysShortIsGivenUp() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("model.safetensors", Array(repeating: .shorter(by: 1_000), count: 50))
        try await hub.run { address in
            await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
        }
        let asked = hub.takeRequests().filter { $0.path == "/objects/model.safetensors" }
        #expect((2...5).contains(asked.count))
    }

    @Test func failuresThatPassAreTriedAgain() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.fail("vocab.txt", [.status(503, message: nil), .status(429, message: nil)])
        hub.fail("config.json", Array(repeating: .status(502, message: "down"), count: 3))
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
            guard case .refused(_, 502, "down") = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            _ = try await pull(from: address, into: directory)
        }
        #expect(try files(in: directory).keys.sorted() == wanted)
    }

    /// Large files lie elsewhere, and who keeps them is not to learn the token.
    @Test func theTokenGoesToTheHubAlone() async throws {
        let (hub, store, directory) = (hub(), self.hub(), try SmallModel.temporaryDirectory())
        hub.require(token: "secret")
        try await store.run { elsewhere in
            hub.send(to: elsewhere)
            try await hub.run { address in
                let error = await #expect(throws: HubError.self) {
                    try await pull(from: address, into: directory)
                }
                #expect(
                    error
                        == .unauthorized(
                            repository: "owner/name", hasToken: false,
                            message: "Repository not found"))
                _ = try await pull(from: address, into: directory, token: "secret")
            }
        }
        #expect(try files(in: directory).keys.sorted() == wanted)
        let asked = store.takeRequests()
        #expect(asked.map(\.path) == ["/objects/model.safetensors"])
        #expect(asked.allSatisfy { $0.authorization == nil })
        #expect(hub.takeRequests().contains { $0.authorization == "Bearer secret" })
    }

    @Test func whatIsNotThereIsNamed() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory, revision: "v9")
            }
            #expect(error?.description == "owner/name at v9: not found: Invalid rev id: v9")
            hub.remove("model.safetensors")
            hub.remove("pytorch_model.bin")
            await #expect(
                throws: HubError.weightsMissing(
                    repository: "owner/name", expected: RepositoryFiles.weights)
            ) { try await pull(from: address, into: directory) }
            hub.remove("config.json")
            await #expect(throws: HubError.configurationMissing(repository: "owner/name")) {
                try await pull(from: address, into: directory)
            }
        }
        #expect(try files(in: directory).isEmpty)
    }

    @Test func noHubIsToldFromABadOne() async throws {
        let directory = try SmallModel.temporaryDirectory()
        let address = try await hub().run { $0 }
        let error = await #expect(throws: HubError.self) {
            try await pull(from: address, into: directory)
        }
        guard case .unreachable(address, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func shardsComeWithTheirIndex() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        hub.remove("model.safetensors")
        hub.put(
            "model.safetensors.index.json",
            Data(
                #"{"weight_map":{"a":"\#(shards[0])","b":"\#(shards[1])","c":"\#(shards[0])"}}"#
                    .utf8))
        hub.put(shards[0], content("one", 10_000), large: true)
        try await hub.run { address in
            await #expect(
                throws: HubError.shardMissing(
                    index: "model.safetensors.index.json", shard: shards[1])
            ) { try await pull(from: address, into: directory) }
            hub.put(shards[1], content("two", 20_000), large: true)
            let (first, second) = (
                try await pull(from: address, into: directory),
                try await pull(from: address, into: directory)
            )
            #expect(first.files.count == 5 && second.kept == 5)
        }
        let files = try files(in: directory)
        #expect(files[shards[1]] == content("two", 20_000) && files["pytorch_model.bin"] == nil)
    }

    /// An index may name what comes anyway.
    @Test func aShardThatIsAnotherFileToo() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.remove("model.safetensors")
        hub.put(
            "model.safetensors.index.json", Data(#"{"weight_map":{"a":"config.json"}}"#.utf8))
        let outcome = try await hub.run { try await pull(from: $0, into: directory) }
        #expect(outcome.files.count == 3)
        #expect(
            try files(in: directory).keys.sorted()
                == ["config.json", "model.safetensors.index.json", "vocab.txt"])
    }

    @Test func redirectsOfEveryKind() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        hub.put("1_Pooling/config.json", Data("{}".utf8))
        hub.fail("1_Pooling/config.json", [.redirect("/objects/1_Pooling%2Fconfig.json?a=%2F")])
        hub.fail("vocab.txt", [.redirect("ftp://elsewhere/vocab.txt"), .redirect("")])
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
            guard case .redirectRefused(_, "ftp://elsewhere/vocab.txt") = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            _ = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
            _ = try await pull(from: address, into: directory)
        }
        #expect(
            hub.takeRequests().contains { $0.target == "/objects/1_Pooling%2Fconfig.json?a=%2F" })
        #expect(try files(in: directory).keys.contains("1_Pooling/config.json"))
    }

    @Test func progressEndsAtTheSize() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let seen = Mutex<[ModelDownload.Progress]>([])
        try await hub.run { address in
            _ = try await ModelDownload(client: HubClient(endpoint: address), directory: directory)
                .run(HubRepository("owner/name")) { step in seen.withLock { $0.append(step) } }
        }
        let steps = seen.withLock { $0 }
        for (file, size) in [("vocab.txt", 5_000), ("model.safetensors", 300_000)] {
            let done = steps.filter { $0.file == file }.map(\.done)
            #expect(done.last == size && done == done.sorted())
        }
    }
}
