import Foundation
import TestSupport
import Testing

/// `--store-max-bytes` and `--cache-ttl` of the real program.
@Suite(.timeLimit(.minutes(10))) struct StoreLimitTests {
    private let model: String
    private let store: URL

    init() throws {
        model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256
        ).path
        store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite")
    }

    private func server(_ more: [String]) async throws -> RunningServer {
        try await RunningServer(
            ["--model", model, "--padding", "none", "--store", store.path] + more)
    }

    private func object(_ answer: RunningServer.Answer) throws -> [String: Any] {
        #expect(answer.status < 300, "\(String(decoding: answer.body, as: UTF8.self))")
        return try #require(
            try JSONSerialization.jsonObject(with: answer.body) as? [String: Any])
    }

    /// The bytes of the file itself, without its log.
    private func fileSize() throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: store.path)
        return try #require(attributes[.size] as? Int)
    }

    /// A text of its own for each number: the small model knows letters alone.
    private func text(_ number: Int) -> String {
        String(
            String(number).map { Character(Unicode.Scalar($0.asciiValue.map { $0 + 49 } ?? 97)) })
    }

    @Test func theLeastRecentlyUsedLeaveAndTheFileShrinks() async throws {
        let limit = 500_000
        let server = try await server(["--store-max-bytes", String(limit)])
        let document = try await server.send(
            "PUT", "/documents/kept", Data(#"{"text":"abc"}"#.utf8))
        #expect(document.status == 201)
        let (batches, size) = (60, 32)
        for batch in 0..<batches {
            let texts = (0..<size).map { text(batch * size + $0) }
            #expect(try await server.post("/embed", inputs: texts).status == 200)
            #expect(try fileSize() <= limit)
        }
        // The last writes may be under way on a slow disk.
        var full = try object(await server.get("/store"))
        while (full["cached_encodings"] as? Int ?? 0) + (full["evictions"] as? Int ?? 0)
            < batches * size
        {
            full = try object(await server.get("/store"))
        }
        let (kept, evicted) = (
            try #require(full["cached_encodings"] as? Int), try #require(full["evictions"] as? Int)
        )
        #expect(evicted > 0 && kept > 0 && kept + evicted == batches * size)
        // What was used last is there, what was used first is not; the document is.
        func cache(_ number: Int) async throws -> String? {
            try await server.send(
                "POST", "/embed", Data(#"{"inputs":"\#(text(number))"}"#.utf8),
                headers: ["cache-control": "no-store"]
            ).headers["x-cache"]
        }
        #expect(try await cache(batches * size - 1) == "hit")
        #expect(try await cache(0) == "miss")
        #expect(try await server.get("/documents/kept").status == 200)
        #expect(server.end(SIGTERM) == 0)

        // With a smaller limit and a write there is less in it, and compacting gives the rest back.
        let before = try fileSize()
        let narrow = try await self.server(["--store-max-bytes", String(limit / 2)])
        for number in 0..<size {
            _ = try await narrow.post("/embed", inputs: [text(100_000 + number)])
        }
        let narrowed = try object(await narrow.get("/store"))
        #expect((narrowed["evictions"] as? Int ?? 0) > evicted)
        let compacted = try object(await narrow.post("/store/compact", ""))
        let (old, new) = (
            try #require(compacted["bytes_before"] as? Int),
            try #require(compacted["bytes_after"] as? Int)
        )
        #expect(new < old)
        #expect(try fileSize() < before && fileSize() <= limit / 2)
        let after = try object(await narrow.get("/store"))
        #expect(after["documents"] as? Int == 1 && after["free_bytes"] as? Int == 0)
        #expect(after["cached_encodings"] as? Int == narrowed["cached_encodings"] as? Int)
        #expect(try await narrow.get("/documents/kept").status == 200)
        #expect(narrow.end(SIGTERM) == 0)
    }

    @Test func anEntryPastItsTimeIsAMiss() async throws {
        func cache(_ server: RunningServer) async throws -> (outcome: String?, age: Int?) {
            let answer = try await server.post("/embed", inputs: ["abc"])
            return (answer.headers["x-cache"], answer.headers["age"].flatMap { Int($0) })
        }
        let first = try await server(["--cache-ttl", "3600"])
        #expect(try await cache(first).outcome == "miss")
        try await first.waitUntilCached(1)
        #expect(try await cache(first).outcome == "hit")
        #expect(first.end(SIGTERM) == 0)

        // It is found as long as it is young enough, and made anew once it is not.
        let ttl = 2
        let server = try await server(["--cache-ttl", String(ttl)])
        var met: (outcome: String?, age: Int?)
        repeat {
            met = try await cache(server)
            // Found before its time was over, and its age told some time after that.
            if met.outcome == "hit" { #expect(try #require(met.age) <= ttl + 60) }
        } while met.outcome == "hit"
        #expect(met.outcome == "miss")
        try await server.waitUntilCached(1)
        let counts = try object(await server.get("/store"))
        #expect(counts["evictions"] as? Int == 1 && counts["cached_encodings"] as? Int == 1)
        #expect(server.end(SIGTERM) == 0)
        // Without a time of its own the file's entries are found at any age.
        let last = try await self.server([])
        #expect(try await cache(last).outcome == "hit")
        #expect(last.end(SIGTERM) == 0)
    }
}
