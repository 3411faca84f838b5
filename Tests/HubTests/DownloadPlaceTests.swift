import Foundation
import TestSupport
import Testing

@testable import Hub

/// What a directory may hold already, and who else may be at it.
@Suite struct DownloadPlaceTests: DownloadFixture {
    @Test func aFolderInAFilesPlaceIsFoundFirst() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let place = directory.appending(path: "vocab.txt")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
            #expect(error == .notWritten(path: place.path, reason: "Is a directory"))
        }
        #expect(hub.takeRequests().count == 1)
    }

    @Test func moreThanTheDiskHasIsRefusedFirst() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let digest = #""blobId":"0000000000000000000000000000000000000000""#
        let files = ["config.json", "vocab.txt", "model.safetensors"].map {
            #"{"rfilename":"\#($0)","size":\#(Int.max),\#(digest)}"#
        }
        hub.answer(
            listing: #"{"sha":"\#(hub.commit)","siblings":[\#(files.joined(separator: ","))]}"#)
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: directory)
            }
            guard case .spaceMissing(directory.path, .max, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(hub.takeRequests().count == 1)
    }

    @Test func otherWeightsThatWouldBeReadAreNamed() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        try Data().write(to: directory.appending(path: "model.safetensors"))
        hub.remove("model.safetensors")
        try await hub.run { address in
            await #expect(
                throws: HubError.shadowed(
                    directory: directory.path, file: "pytorch_model.bin", by: "model.safetensors")
            ) { try await pull(from: address, into: directory) }
        }
    }

    /// A vocabulary of one's own stays, and is named.
    @Test func filesThatTheRepositoryLacksAreNamed() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        try Data("own".utf8).write(to: directory.appending(path: "added_tokens.json"))
        hub.remove("added_tokens.json")
        try await hub.run { address in
            let outcome = try await pull(from: address, into: directory)
            #expect(outcome.foreign == ["added_tokens.json"])
        }
        #expect(
            try Data(contentsOf: directory.appending(path: "added_tokens.json"))
                == Data("own".utf8))
    }

    @Test func oneAtATime() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let lock = open(directory.path, O_RDONLY)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        try await hub.run { address in
            await #expect(throws: HubError.busy(directory: directory.path)) {
                try await pull(from: address, into: directory)
            }
            #expect(flock(lock, LOCK_UN) == 0)
            _ = try await pull(from: address, into: directory)
        }
    }

    @Test func aFileWhereTheDirectoryShouldBe() async throws {
        let (hub, folder) = (hub(), try SmallModel.temporaryDirectory())
        let file = folder.appending(path: "file")
        try Data("mine".utf8).write(to: file)
        try await hub.run { address in
            let error = await #expect(throws: HubError.self) {
                try await pull(from: address, into: file)
            }
            guard case .notWritten(file.path, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(try Data(contentsOf: file) == Data("mine".utf8))
    }

    /// A link that waits where a part would be made is not written through.
    @Test func linksAreNotFollowed() async throws {
        let (hub, directory) = (hub(), try SmallModel.temporaryDirectory())
        let other = directory.appending(path: "other")
        try Data("mine".utf8).write(to: other)
        try FileManager.default.createSymbolicLink(
            at: directory.appending(path: "vocab.txt.part"), withDestinationURL: other)
        try await hub.run { address in
            await #expect(throws: HubError.self) { try await pull(from: address, into: directory) }
        }
        #expect(try Data(contentsOf: other) == Data("mine".utf8))
    }
}
