import Foundation
import GRDB
import TestSupport
import Testing

/// What was acknowledged is in the file, whatever is killed. `BIGS_TEST_KILLS=200` makes it long.
@Suite(.serialized) struct KillTests {
    private static var kills: Int {
        ProcessInfo.processInfo.environment["BIGS_TEST_KILLS"].flatMap { Int($0) } ?? 5
    }

    private func line(_ number: Int, _ random: inout SeededGenerator) -> (id: String, json: String)
    {
        let words = Int.random(in: 1...40, using: &random)
        let text = (0..<words).map { _ in
            String(
                (0..<Int.random(in: 1...7, using: &random)).map { _ in
                    "abcdefgh".randomElement(using: &random) ?? "a"
                })
        }.joined(separator: " ")
        return (
            "doc-\(number)",
            #"{"id":"doc-\#(number)","text":"\#(text)","metadata":{"number":\#(number)}}"# + "\n"
        )
    }

    @Test func acknowledgedLinesSurviveKills() async throws {
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var number = 0
        var acknowledged: Set<String> = []
        var killsInFlight = 0

        for round in 0...Self.kills {
            let server = try await RunningServer([
                "--model", model.path, "--padding", "none", "--store", store,
            ])
            let kept = try await ids(server)
            let lost = acknowledged.subtracting(kept)
            #expect(lost.isEmpty, "seed \(seed), round \(round): \(lost.count) lost")
            if round == Self.kills {
                #expect(server.end(SIGTERM) == 0)
                break
            }
            let client = try DuplexClient(
                server.base, path: "/documents/import", contentType: "application/x-ndjson")
            let wanted = Int.random(in: 0...60, using: &random)
            // Some of the old lines too: they are skipped, and must not be harmed.
            var sent = 0
            while client.lines.count < wanted {
                let line = line(number, &random)
                guard client.send(line.json) else { break }
                number += 1
                sent += 1
                if sent % 64 == 0 { await Task.yield() }
            }
            for _ in 0..<Int.random(in: 0...200, using: &random) { await Task.yield() }
            _ = server.end(SIGKILL)
            await client.waitForEnd()
            let answers = try client.lines.map(Self.answer)
            for answer in answers {
                #expect(["stored", "unchanged"].contains(answer.status), "\(answer)")
                if let id = answer.id { acknowledged.insert(id) }
            }
            if answers.count < sent { killsInFlight += 1 }
        }
        #expect(acknowledged.count > Self.kills)
        #expect(killsInFlight > 0, "no kill came while lines were under way")
        let queue = try DatabaseQueue(path: store)
        let check = try await queue.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        #expect(check == ["ok"])
        print(
            "\(Self.kills) kills, \(killsInFlight) with lines under way, seed \(seed): "
                + "\(acknowledged.count) acknowledged of \(number) sent, none lost")
    }

    private struct Answer: Decodable {
        let line: Int?
        let id: String?
        let status: String
        let error: String?
    }

    private static func answer(_ line: String) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
    }

    /// The ids of all documents that a server lists.
    private func ids(_ server: RunningServer) async throws -> Set<String> {
        struct Page: Decodable {
            struct Document: Decodable {
                let id: String
            }
            let documents: [Document]
            let next: String?
        }
        var ids: Set<String> = []
        var query = "limit=1000&include=text"
        while true {
            let answer = try await server.get("/documents", query: query)
            let page = try JSONDecoder().decode(Page.self, from: answer.body)
            ids.formUnion(page.documents.map(\.id))
            guard let next = page.next,
                let escaped = next.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            else { return ids }
            query = "limit=1000&include=text&cursor=\(escaped)"
        }
    }
}
