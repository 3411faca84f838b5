import Foundation
import TestSupport
import Testing

/// Results that cannot be written are an error of every command.
@Suite struct OutputTests {
    private static let full = URL(filePath: "/dev/full")

    @Test func lostOutputEndsInAnErrorThatSaysWhy() throws {
        guard FileManager.default.isWritableFile(atPath: Self.full.path) else {
            print("skipped: there is no /dev/full here")
            return
        }
        let model = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256
        ).path
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "store.sqlite").path
        let lines = (0..<8).map { number in
            #"{"id":"\#(number)","text":"\#(number % 2 == 0 ? "abcd" : "wxyz")","#
                + #""metadata":{"kind":"\#(number % 2 == 0 ? "early" : "late")"}}"# + "\n"
        }.joined()
        let imported = try Program.run(
            ["store", "import", "--model", model, "--store", store], input: Data(lines.utf8))
        #expect(imported.status == 0, "\(imported.errors)")
        for arguments in [
            ["inspect", model], ["store", "stats", "--store", store],
            ["store", "export", "--store", store],
            ["search", "abcd", "--model", model, "--store", store],
            ["embed", "--model", model], ["tokenize", "--model", model],
            [
                "head", "train", "--model", model, "--store", store, "--label-field",
                "metadata.kind", "--name", "kinds", "--folds", "2", "--heads", folder.path,
            ],
            ["bench", "search", "--count", "100", "--dimensions", "8", "--queries", "1"],
        ] {
            let outcome = try Program.run(
                arguments, input: Data("abcd".utf8), output: Self.full)
            #expect(outcome.status == 1, "\(arguments)")
            #expect(
                outcome.errors.contains("Error: standard output: No space left on device"),
                "\(arguments): \(outcome.errors)")
        }
    }
}
