import Foundation
import TestSupport
import Testing

@testable import Tokenization

@Suite struct SentenceBreakTests {
    /// The official cases: every pair of classes, with and without a mark between, and sentences.
    @Test func unicodesOwnCases() throws {
        let file = try String(
            contentsOf: Fixtures.url("unicode/SentenceBreakTest.txt"), encoding: .utf8)
        var cases = 0
        for line in file.split(separator: "\n") where !line.hasPrefix("#") {
            var scalars = String.UnicodeScalarView()
            var expected: [Int] = []
            for field in line.split(separator: " ") {
                switch field {
                case "÷": expected.append(scalars.count)
                case "×": break
                default:
                    let value = try #require(UInt32(field, radix: 16))
                    scalars.append(try #require(Unicode.Scalar(value)))
                }
            }
            let inner = expected.filter { $0 != 0 && $0 != scalars.count }
            #expect(SentenceBreaks.shared.boundaries(of: scalars) == inner, "\(line)")
            cases += 1
        }
        #expect(cases == 502)
    }

    private func sentences(_ text: String, joiningLines: Bool = false) -> [String] {
        slices(text, TextBoundaries.sentences(of: text, joiningLines: joiningLines))
    }

    private func slices(_ text: String, _ ranges: [Range<Int>]) -> [String] {
        let scalars = Array(text.unicodeScalars)
        return ranges.map { range in
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[range])
            return String(view)
        }
    }

    @Test func sentencesOfManyScripts() {
        #expect(
            sentences("It cost 3.5 million. \"Really?\" she asked.  Yes!\nA new line")
                == ["It cost 3.5 million.", "\"Really?\"", "she asked.", "Yes!", "A new line"])
        #expect(sentences("你好。世界？好！") == ["你好。", "世界？", "好！"])
        #expect(sentences("नमस्ते। दुनिया।") == ["नमस्ते।", "दुनिया।"])
        #expect(sentences("کیا؟ ہاں۔ ٹھیک") == ["کیا؟", "ہاں۔", "ٹھیک"])
        #expect(sentences("See e.g. this one. 😀👨‍👩‍👧 Next.") == ["See e.g. this one.", "😀👨‍👩‍👧 Next."])
        #expect(sentences(" \n\t ").isEmpty && sentences("").isEmpty)
    }

    @Test func linesOfAFixedWidthCanBeJoined() {
        let text = "One sentence that\ngoes on. Two\r\nwords.\n\nA heading\n\nThree. "
        #expect(
            sentences(text, joiningLines: true)
                == ["One sentence that\ngoes on.", "Two\r\nwords.", "A heading", "Three."])
        #expect(sentences(text).count == 6)
    }

    @Test func paragraphsAndLines() {
        let text = "\n a\nb \r\n\r\nc\u{2029}d\u{85}e\n \t \nf\u{C}g\u{2028}\u{2028}h"
        #expect(
            slices(text, TextBoundaries.paragraphs(of: text))
                == ["a\nb", "c", "d\u{85}e", "f", "g", "h"])
        #expect(
            slices(text, TextBoundaries.lines(of: text))
                == ["a", "b", "c", "d", "e", "f", "g", "h"])
        #expect(TextBoundaries.paragraphs(of: "\r\n \n").isEmpty)
        #expect(slices("a\r\nb", TextBoundaries.paragraphs(of: "a\r\nb")) == ["a\r\nb"])
    }

    /// Whatever the text: ranges in order, apart, not empty, inside the text, and nothing but white
    /// space between them.
    @Test(arguments: 0..<40) func partsCoverAnyText(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let pieces = [
            "a", "B", ".", "?", "。", " ", "\n", "\r", "\r\n", "\u{2029}", "\u{301}", "😀", ")", "\"",
            "1", ",", "é", "ß", "\u{200D}", "\u{FEFF}", "न", "\u{C}",
        ]
        let text = (0..<Int.random(in: 0...200, using: &random))
            .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        let scalars = Array(text.unicodeScalars)
        for ranges in [
            TextBoundaries.sentences(of: text),
            TextBoundaries.sentences(of: text, joiningLines: true),
            TextBoundaries.paragraphs(of: text), TextBoundaries.lines(of: text),
        ] {
            var covered = Array(repeating: false, count: scalars.count)
            var end = 0
            for range in ranges {
                #expect(
                    range.lowerBound >= end && !range.isEmpty && range.upperBound <= scalars.count)
                end = range.upperBound
                for index in range { covered[index] = true }
            }
            for (index, scalar) in scalars.enumerated() where !covered[index] {
                #expect(scalar.properties.isWhitespace, "seed \(seed), scalar \(index)")
            }
        }
    }

    /// A full stop ends no sentence when a small letter comes first of all letters after it, however
    /// far away; where none comes, it does.
    @Test func looksAheadOverMarks() {
        let part = "a. " + String(repeating: "(", count: 50)
        let text = String(repeating: part, count: 2_000)
        let boundaries = SentenceBreaks.shared.boundaries(of: text.unicodeScalars)
        #expect(boundaries == [1_999 * part.unicodeScalars.count + 3])
    }
}
