import BiGSModel
import TestSupport
import Testing

@testable import Serving

@Suite struct TextPreparationTests {
    private func preparation() throws -> TextPreparation {
        let directory = try SmallModel.directory(
            golden: "t1/SequenceClassification/torch-safetensors", vocabularySize: 256)
        return TextPreparation(
            loaded: try LoadedModel.load(directory: directory), rules: EncodingRules(), prompt: nil)
    }

    /// Pairs that follow one another with the same first text have what each has alone.
    @Test func pairsOfOneText() throws {
        let preparation = try preparation()
        let long = String(repeating: "ab c ", count: 100)
        // Of the last two the first texts are equal to Swift, and have other tokens.
        let pairs = [
            ("a", "b"), ("a", long), (long, "b"), (long, long), ("a", ""), ("", "a"),
            ("\u{AC00}", "b"), ("\u{1100}\u{1161}", "b"),
        ].map { EncodingInput.pair($0, $1) }
        let together = try preparation.prepare(pairs)
        for (pair, prepared) in zip(pairs, together) {
            let alone = try preparation.prepare([pair])[0].windows[0]
            #expect(prepared.windows[0].sequence.ids == alone.sequence.ids)
            #expect(prepared.windows[0].sequence.typeIDs == alone.sequence.typeIDs)
            #expect(prepared.windows[0].offsets == alone.offsets)
            #expect(prepared.windows[0].usage == alone.usage)
        }
    }

    @Test func endsWhenNobodyWaits() throws {
        let preparation = try preparation()
        var asked = 0
        let error = #expect(throws: ServiceError.self) {
            _ = try preparation.prepare(Array(repeating: .text("a"), count: 9)) {
                asked += 1
                return asked == 3
            }
        }
        guard case .cancelled = error else {
            Issue.record("ended by \(String(describing: error))")
            return
        }
        #expect(asked == 3)
    }
}
