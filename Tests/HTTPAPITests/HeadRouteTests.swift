import Foundation
import HTTPAPI
import HTTPTypes
import Learning
import Serving
import TestSupport
import Testing

@testable import DocumentStore

@Suite struct HeadRouteTests {
    /// Documents on two topics that use other letters, and a head that was trained on them.
    private func trained(states: String = "none") async throws -> (APIFixture, URL) {
        let folder = try SmallModel.temporaryDirectory()
        let fixture = try APIFixture(keeps: true) {
            $0.heads = HeadRegistry(folders: [HeadFolder(url: folder)])
        }
        var random = SeededGenerator(seed: 5)
        var lines: [String] = []
        for index in 0..<40 {
            let letters = index % 2 == 0 ? "abcd" : "uvwxyz"
            let words = (0..<8).map { _ in
                String((0..<4).map { _ in letters.randomElement(using: &random) ?? "a" })
            }
            lines.append(
                #"{"id":"d\#(index)","text":"\#(words.joined(separator: " "))","#
                    + #""metadata":{"topic":"\#(index % 2 == 0 ? "early" : "late")"},"#
                    + #""keep_states":"\#(states)"}"#)
        }
        let imported = await fixture.stream(
            .post, "/documents/import", Array(lines.joined(separator: "\n").utf8),
            contentType: "application/x-ndjson")
        #expect(try imported.lines().last?["stored"] as? Int == 40)

        let loaded = try #require(fixture.loaded)
        let store = try #require(fixture.store)
        var builder = try LabelledDocuments.Builder(field: "metadata.topic", kind: nil)
        let page = try await store.list(
            DocumentQuery(limit: 100, parts: [.metadata, .vector], model: loaded.fingerprint))
        for document in page.documents { try builder.add(document) }
        var trainer = HeadTrainer()
        trainer.candidates = [1]
        let result = trainer.train(try builder.finish().set)
        #expect(result.metrics.accuracy > 0.9)
        try HeadFile.write(
            TrainedHead(
                name: "topics", modelFingerprint: loaded.fingerprintText, head: result.head,
                training: .init(
                    labelField: "metadata.topic", documents: 40, folds: result.folds,
                    inverseRegularization: result.inverseRegularization,
                    metrics: result.metrics)),
            in: folder)
        return (fixture, folder)
    }

    private func labels(_ value: Any?) -> [(label: String, score: Double)] {
        (value as? [[String: Any]] ?? []).map {
            ($0["label"] as? String ?? "", $0["score"] as? Double ?? -1)
        }
    }

    @Test func predictServesTrainedHeads() async throws {
        let (fixture, _) = try await trained()
        defer { fixture.executor?.stop() }
        let one = await fixture.post(
            "/predict?head=topics", #"{"inputs":"abcd dcba badc cabd"}"#)
        #expect(one.status == 200, "\(one.object)")
        let scores = labels(one.json)
        #expect(scores.map(\.label) == ["early", "late"])
        #expect(abs(scores.map(\.score).reduce(0, +) - 1) < 1e-5)

        let many = await fixture.post(
            "/predict", #"{"inputs":[["abcd dcba"],["xyzw vuxy"]],"head":"topics","top_k":1}"#)
        #expect(many.array.map { labels($0).map(\.label) } == [["early"], ["late"]])
        let raw = await fixture.post(
            "/predict", #"{"inputs":"abcd dcba","head":"topics","raw_scores":true}"#)
        #expect(labels(raw.json).map(\.score).reduce(0, +) != 1)
        let info = await fixture.send(.get, "/info").object
        #expect(
            ((info["models"] as? [[String: Any]])?.first?["trained_heads"] as? [String]) == [
                "topics"
            ])
        let pair = await fixture.post("/predict?head=topics", #"{"inputs":["a","b"]}"#)
        #expect(pair.status == 422)
    }

    @Test func evidenceNamesThePassagesThatCarryTheLabel() async throws {
        let (fixture, _) = try await trained()
        defer { fixture.executor?.stop() }
        let text = "Abcd dcba abcd badc. Xyzw vuxy wzyx uvwx. Dabc bcad."
        let answer = await fixture.post(
            "/predict?head=topics", #"{"inputs":"\#(text)","evidence":true}"#)
        #expect(answer.status == 200, "\(answer.object)")
        for entry in answer.array.compactMap({ $0 as? [String: Any] }) {
            let evidence = try #require(entry["evidence"] as? [[String: Any]])
            #expect(evidence.count == 3)
            let scores = evidence.compactMap { $0["score"] as? Double }
            #expect(scores == scores.sorted(by: >))
            for passage in evidence {
                let start = try #require(passage["start"] as? Int)
                let end = try #require(passage["end"] as? Int)
                let scalars = Array(text.unicodeScalars)[start..<end]
                #expect(
                    passage["text"] as? String == String(String.UnicodeScalarView(scalars)))
            }
            let best = evidence.first?["text"] as? String
            #expect(
                (entry["label"] as? String == "late") == (best == "Xyzw vuxy wzyx uvwx."))
        }
    }

    @Test(arguments: ["none", "float16", "int8"])
    func keptDocumentsArePredictedFromWhatIsKept(states: String) async throws {
        let (fixture, _) = try await trained(states: states)
        defer { fixture.executor?.stop() }
        let document = await fixture.send(.get, "/documents/d1").object
        #expect(document["has_states"] as? Bool == (states != "none"))
        let text = try #require(document["text"] as? String)
        let fresh = await fixture.post("/predict?head=topics", #"{"inputs":"\#(text)"}"#)
        let kept = await fixture.post("/documents/d1/predict", #"{"head":"topics"}"#)
        #expect(kept.bytes == fresh.bytes)
        #expect(kept.header("x-cache") == "hit")
        for name in ["x-compute-tokens", "x-compute-characters", "x-truncated-inputs"] {
            #expect(kept.header(name) == fresh.header(name), "\(name)")
        }
        let evidence = await fixture.post(
            "/documents/d1/predict?head=topics", #"{"evidence":true,"top_k":1}"#)
        #expect(labels(evidence.json).map(\.label) == ["late"])
        #expect(evidence.header("x-cache") == (states == "none" ? "miss" : "hit"))
        // Without a head's name, the checkpoint's own.
        let own = await fixture.post("/documents/d1/predict", "{}")
        let direct = await fixture.post("/predict", #"{"inputs":"\#(text)"}"#)
        #expect(own.bytes == direct.bytes)
    }

    @Test func headsThatAreMissingOrOfAnotherModelAreRefused() async throws {
        let (fixture, folder) = try await trained()
        defer { fixture.executor?.stop() }
        func refusal(_ head: String) async -> String {
            let answer = await fixture.post("/predict?head=\(head)", #"{"inputs":"abc"}"#)
            #expect(answer.status == 424 && answer.errorType == "Backend")
            return answer.object["error"] as? String ?? ""
        }
        #expect(await refusal("colours").contains("this model has: topics"))
        #expect(await refusal("..%2Ftopics").contains("there is no head"))
        let head = try HeadFile.read(HeadFile.url(of: "topics", in: folder))
        try HeadFile.write(
            TrainedHead(
                name: "foreign", modelFingerprint: String(repeating: "0", count: 64),
                head: head.head, training: head.training), in: folder)
        #expect(await refusal("foreign").contains("train it again"))
        try Data("junk".utf8).write(to: HeadFile.url(of: "broken", in: folder))
        #expect(await refusal("broken").contains("cannot be used"))
    }

    @Test func labelsAreReadFromMetadata() throws {
        func document(_ id: String, _ members: [String: MetadataValue]) throws -> StoredDocument {
            StoredDocument(
                id: id, textHash: [], createdAt: .now, updatedAt: .now, text: nil,
                metadata: try DocumentMetadata(members),
                encoding: EncodingRecord(
                    fingerprint: [], options: "", tokens: 1, tokensUsed: 1, encodedAt: .now,
                    hasStates: false, vector: [Float(id.utf8.count), 1]))
        }
        var builder = try LabelledDocuments.Builder(field: "metadata.a.b", kind: nil)
        try builder.add(document("1", ["a": .object(["b": .array([.string("x"), .integer(3)])])]))
        try builder.add(document("2", ["a": .object(["b": .string("x")])]))
        try builder.add(document("3", ["a": .object(["b": .array([])])]))
        try builder.add(document("4", ["a": .object(["b": .integer(3)])]))
        try builder.add(document("5", ["a": .string("no")]))
        try builder.add(document("6", ["a": .object(["b": .null])]))
        let documents = try builder.finish()
        #expect(documents.set.kind == .sigmoid && documents.set.labels == ["3", "x"])
        #expect(documents.set.targets == [[0, 1], [1], [], [0]])
        #expect(documents.withoutLabel == 2)

        var softmax = try LabelledDocuments.Builder(field: "a", kind: .softmax)
        #expect(throws: LabelError.self) {
            try softmax.add(document("1", ["a": .array([.string("x"), .string("y")])]))
        }
        #expect(throws: LabelError.self) { try softmax.add(document("1", ["a": .number(0.5)])) }
        #expect(throws: LabelError.self) { try softmax.finish() }
        #expect(throws: LabelError.self) { try LabelledDocuments.Builder(field: "a..b", kind: nil) }
    }
}
