import Foundation
import TestSupport
import Testing

@testable import Tokenization

/// Properties that need no oracle: of limits, of long texts, of what a caller gets told.
struct EncodingTests {
    let tokenizer: Tokenizer

    init() throws { tokenizer = try Tokenizer(directory: TokenizerFixtures.uncased) }

    static let sentence = "The unaffable café — naïve 東京, e\u{301}tude: [MASK] isn't x\u{200d}y! "

    @Test(arguments: [1, 7, 64, 255, 256, 257])
    func repeatedTextGivesRepeatedTokens(count: Int) throws {
        let once = try tokenizer.encode(Self.sentence, options: .init(addSpecialTokens: false))
        let text = String(repeating: Self.sentence, count: count)
        let many = try tokenizer.encode(text, options: .init(addSpecialTokens: false))
        #expect(many.ids == Array(repeatElement(once.ids, count: count).joined()))
        let scalars = Self.sentence.unicodeScalars.count
        let offsets = (0..<count).flatMap { k in
            once.offsets.map { $0.lowerBound + k * scalars..<$0.upperBound + k * scalars }
        }
        #expect(many.offsets == offsets)
    }

    @Test(arguments: [2, 3, 5, 31, 32, 1000])
    func cuttingKeepsAnEndAndTellsTheLength(limit: Int) throws {
        let text = String(repeating: Self.sentence, count: 9)
        let whole = try tokenizer.encode(text)
        let inner = Array(whole.ids.dropFirst().dropLast())
        for side in TruncationSide.allCases {
            let cut = try tokenizer.encode(
                text, options: .init(maximumLength: limit, truncationSide: side))
            #expect(cut.tokensBeforeTruncation == whole.ids.count)
            #expect(cut.isTruncated == (whole.ids.count > limit))
            let kept = min(limit, whole.ids.count) - 2
            let expected = side == .right ? Array(inner.prefix(kept)) : Array(inner.suffix(kept))
            #expect(cut.ids == [101] + expected + [102])
            #expect(cut.specialTokensMask.reduce(0, +) == 2)
        }
    }

    /// A text that many pairs begin with is read once, and each pair is as if it were alone.
    @Test(arguments: TruncationSide.allCases, [nil, 12, 40])
    func pairsOfTheSamePieces(side: TruncationSide, limit: Int?) throws {
        let options = EncodingOptions(maximumLength: limit, truncationSide: side)
        for first in ["", "a", Self.sentence] {
            let pieces = tokenizer.pieces(of: first, options: options)
            for second in [nil, "", "b c", String(repeating: Self.sentence, count: 3)] {
                #expect(
                    try tokenizer.encode(pieces, pair: second, options: options)
                        == tokenizer.encode(first, pair: second, options: options))
            }
        }
    }

    @Test func limitsThatCannotBeKept() throws {
        #expect(throws: TokenizerError.limitTooSmall(limit: 1, specialTokens: 2)) {
            try tokenizer.encode("a", options: .init(maximumLength: 1))
        }
        #expect(throws: TokenizerError.limitTooSmall(limit: -1, specialTokens: 0)) {
            try tokenizer.encode("a", options: .init(addSpecialTokens: false, maximumLength: -1))
        }
        #expect(throws: TokenizerError.secondSequenceMissing) {
            try tokenizer.encode("a b c", options: .init(maximumLength: 4, truncation: .onlySecond))
        }
        #expect(throws: TokenizerError.sequenceTooShort(side: "first", tokens: 1, excess: 2)) {
            try tokenizer.encode(
                "a", pair: "b c d", options: .init(maximumLength: 5, truncation: .onlyFirst))
        }
        let uncut = try tokenizer.encode(
            "a b c", options: .init(maximumLength: 3, truncation: .none, padTo: 7))
        #expect(uncut.ids == [101, 1037, 1038, 1039, 102, 0, 0])
        #expect(!uncut.isTruncated && uncut.tokenCount == 5)
    }

    @Test func veryLongWordsAreUnknownAndCheap() throws {
        for letter in ["a", "é", "\u{10400}", "\u{8D4}", "[MASK"] {
            let text = String(repeating: letter, count: 300_000)
            let encoding = try tokenizer.encode(text, options: .init(maximumLength: 512))
            #expect(encoding.ids[1] == (letter == "[MASK" ? 1031 : 100))
            #expect(encoding.offsets[1].lowerBound == 0)
        }
    }

    @Test func unknownIdentifiersAreNotDecoded() {
        #expect(throws: TokenizerError.unknownIdentifier(30522, vocabularySize: 30522)) {
            try tokenizer.decode([101, 30522])
        }
    }

    /// Offsets never leave the text, follow each other, and are of the text they belong to.
    @Test func offsetsOfRandomTexts() throws {
        var generator = SeededGenerator(seed: 20)
        let alphabet: [Unicode.Scalar] = [
            "a", "B", "z", " ", ".", "[", "]", "é", "\u{301}", "\u{8D4}", "\u{1B44}", "東",
            "\u{F900}",
            "한", "\u{200D}", "\u{1D15E}", "\u{0}", "ß", "İ", "\u{1F600}",
        ]
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...24, using: &generator) {
                text.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            let encoding = try tokenizer.encode(
                String(text), options: .init(addSpecialTokens: false))
            var last = 0
            for range in encoding.offsets {
                #expect(range.lowerBound >= last && range.lowerBound < range.upperBound)
                #expect(range.upperBound <= text.count)
                last = range.lowerBound
            }
        }
    }
}
