import Checkpoints
import Foundation
import Learning
import TestSupport
import Testing

@Suite struct HeadFileTests {
    private func example(_ name: String = "topics") throws -> TrainedHead {
        let result = HeadTrainer().train(try ReferenceData("three").set(.softmax))
        return TrainedHead(
            name: name, modelFingerprint: String(repeating: "0f", count: 32), head: result.head,
            training: .init(
                labelField: "topic", documents: 90, folds: result.folds,
                inverseRegularization: result.inverseRegularization, metrics: result.metrics))
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try SmallModel.temporaryDirectory().appending(path: "heads")
        let head = try example()
        try HeadFile.write(head, in: folder)
        #expect(try HeadFile.read(HeadFile.url(of: "topics", in: folder)) == head)
        #expect(HeadFolder(url: folder).names == ["topics"])
        #expect(HeadFolder(url: folder).version(of: "topics") != nil)
        #expect(HeadFolder(url: folder).version(of: "others") == nil)
    }

    @Test func equalHeadsAreEqualFiles() throws {
        let folder = try SmallModel.temporaryDirectory()
        let url = HeadFile.url(of: "topics", in: folder)
        try HeadFile.write(try example(), in: folder)
        let first = try Data(contentsOf: url)
        try HeadFile.write(try example(), in: folder)
        #expect(try Data(contentsOf: url) == first)
    }

    @Test func namesThatLeaveTheFolderAreInvalid() {
        for name in [
            "", "..", "../x", "a/b", ".hidden", "ä", "a b", String(repeating: "x", count: 65),
        ] {
            #expect(!TrainedHead.isValid(name: name), "\(name)")
            #expect(
                HeadFolder(url: URL(filePath: "/")).version(of: name) == nil, "\(name)")
        }
        #expect(TrainedHead.isValid(name: "Topics-2.1_b"))
    }

    /// Each wrong file, and what the error says of it.
    @Test func wrongFilesAreRefused() throws {
        let folder = try SmallModel.temporaryDirectory()
        let fingerprint = String(repeating: "a", count: 64)
        let metrics =
            #"{"accuracy":1,"macro_f1":1,"log_loss":0,"f1":[1,1],"support":[1,1]}"#
        func description(
            name: String = "h", labels: String = #"["a","b"]"#, dimensions: Int = 2,
            fingerprint: String = fingerprint
        ) -> String {
            #"{"name":"\#(name)","kind":"softmax","labels":\#(labels),"dimensions":\#(dimensions),"#
                + #""model_fingerprint":"\#(fingerprint)","training":{"label_field":"t","#
                + #""documents":2,"folds":2,"inverse_regularization":1,"metrics":\#(metrics)}}"#
        }
        let good: [(name: String, shape: [Int], values: SafetensorsWriter.Values)] = [
            ("weight", [2, 2], .float32([1, 2, 3, 4])), ("bias", [2], .float32([0, 1])),
        ]
        func outcome(
            _ tensors: [(name: String, shape: [Int], values: SafetensorsWriter.Values)],
            _ metadata: [String: String]
        ) throws -> String {
            let url = folder.appending(path: "h.safetensors")
            try SafetensorsWriter.write(tensors, metadata: metadata, to: url)
            do throws(HeadFileError) {
                _ = try HeadFile.read(url)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        func metadata(_ head: String?) -> [String: String] {
            var all = ["format": "bigs-head", "version": "1"]
            all["head"] = head
            return all
        }
        #expect(try outcome(good, metadata(description())) == "accepted")
        #expect(try outcome(good, [:]).contains("not a head"))
        #expect(
            try outcome(good, ["format": "bigs-head", "version": "9", "head": description()])
                .contains("version 9"))
        #expect(try outcome(good, metadata(nil)).contains("no \"head\""))
        #expect(try outcome(good, metadata("{")).contains("cannot be read"))
        #expect(try outcome(good, metadata(description(name: "../x"))).contains("calls itself"))
        #expect(
            try outcome(good, metadata(description(labels: #"["a","a"]"#))).contains("differ"))
        #expect(
            try outcome(good, metadata(description(labels: "[]"))).contains("must be there"))
        #expect(
            try outcome(good, metadata(description(dimensions: 1 << 40))).contains("too large"))
        #expect(
            try outcome(good, metadata(description(fingerprint: "12"))).contains("fingerprint"))
        #expect(
            try outcome(good, metadata(description(dimensions: 3))).contains(
                "expected shape [2, 3]"))
        #expect(
            try outcome([good[0]], metadata(description())).contains("\"bias\" is missing"))
        #expect(
            try outcome(
                [good[0], ("bias", [2], .float32([.nan, 0]))], metadata(description())
            ).contains("not finite"))
        try Data("no".utf8).write(to: folder.appending(path: "h.safetensors"))
        #expect(throws: HeadFileError.self) {
            try HeadFile.read(folder.appending(path: "h.safetensors"))
        }
    }
}
