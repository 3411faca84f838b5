import Foundation
import TestSupport
import Testing

/// A small file system of its own; nil where it cannot be made (no rights to mount).
private final class SmallDisk {
    let folder: URL

    init?(bytes: Int) throws {
        folder = try SmallModel.temporaryDirectory()
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", folder.path) else {
            try? FileManager.default.removeItem(at: folder)
            return nil
        }
    }

    deinit {
        _ = Self.run("umount", "-l", folder.path)
        try? FileManager.default.removeItem(at: folder)
    }

    static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

@Suite struct DiskFullTests {
    private struct Answer: Decodable {
        let id: String?
        let status: String
        let errorType: String?

        private enum CodingKeys: String, CodingKey {
            case id, status
            case errorType = "error_type"
        }
    }

    @Test(.enabled("a file system can be mounted here") { try SmallDisk(bytes: 1 << 20) != nil })
    func aFullDiskStopsImportsAndLosesNothing() async throws {
        let disk = try #require(try SmallDisk(bytes: 3 << 20))
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        // Somebody else's file, which makes room when it goes.
        let ballast = disk.folder.appending(path: "ballast")
        try Data(count: 400_000).write(to: ballast)
        let store = disk.folder.appending(path: "store.sqlite").path
        let arguments = ["--model", model.path, "--padding", "none", "--store", store]
        let server = try await RunningServer(arguments)

        let client = try DuplexClient(
            server.base, path: "/documents/import", contentType: "application/x-ndjson")
        let text = String(repeating: "abcd efgh ", count: 400)
        var sent = 0
        while sent < 4_000,
            client.send(#"{"id":"doc-\#(sent)","text":"\#(sent) \#(text)"}"# + "\n")
        {
            sent += 1
        }
        _ = client.finish()
        await client.waitForEnd()
        let answers = try client.lines.map {
            try JSONDecoder().decode(Answer.self, from: Data($0.utf8))
        }
        let acknowledged = answers.filter { $0.status == "stored" }.compactMap(\.id)
        #expect(!acknowledged.isEmpty)
        #expect(answers.last?.status == "stopped")
        #expect(answers.last?.errorType == "StoreFull")

        // What was acknowledged is there; encoding, reading and deleting go on.
        for id in [acknowledged.first, acknowledged.last].compactMap({ $0 }) {
            #expect(try await server.get("/documents/\(id)").status == 200)
        }
        #expect(try await server.post("/embed", inputs: ["abc"]).status == 200)
        // What the refused group would have taken may still have room for a few.
        var put = try await server.post("/documents", #"{"text":"0 \#(text)"}"#)
        for number in 1..<500 where put.status == 201 {
            put = try await server.post("/documents", #"{"text":"\#(number) \#(text)"}"#)
        }
        #expect(put.status == 507)
        #expect(String(decoding: put.body, as: UTF8.self).contains("StoreFull"))
        #expect(server.end(SIGTERM) == 0)

        // Opening a store takes a little room, too.
        try FileManager.default.removeItem(at: ballast)
        let again = try await RunningServer(arguments)
        var lost: [String] = []
        for id in acknowledged where try await again.get("/documents/\(id)").status != 200 {
            lost.append(id)
        }
        #expect(lost.isEmpty)
        #expect(again.end(SIGTERM) == 0)
    }

    /// A limit on the size of files is another way to have no room.
    @Test func aLimitOfFileSizesIsAFullStore() async throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        let arguments = ["--model", model.path, "--padding", "none", "--store", store]
        let server = try await RunningServer(arguments, fileLimit: 1 << 20)
        let text = String(repeating: "abcd efgh ", count: 400)
        var acknowledged: [String] = []
        var put = try await server.post("/documents", #"{"id":"d0","text":"0 \#(text)"}"#)
        for number in 1..<500 where put.status == 201 {
            acknowledged.append("d\(number - 1)")
            put = try await server.post(
                "/documents", #"{"id":"d\#(number)","text":"\#(number) \#(text)"}"#)
        }
        #expect(!acknowledged.isEmpty)
        #expect(put.status == 507, "\(server.logText.suffix(3000))")
        #expect(try await server.post("/embed", inputs: ["abc"]).status == 200)
        #expect(server.end(SIGTERM) == 0)

        let again = try await RunningServer(arguments)
        for id in acknowledged { #expect(try await again.get("/documents/\(id)").status == 200) }
        #expect(again.end(SIGTERM) == 0)
    }
}
