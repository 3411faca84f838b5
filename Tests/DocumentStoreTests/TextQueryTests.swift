import Testing

@testable import DocumentStore

@Suite("What a text asks the index for") struct TextQueryTests {
    @Test(
        "words, and phrases in quotes, once each",
        arguments: [
            (#"high water"#, [#"high"#, #"water"#]),
            (#"high "low water" high"#, ["high", "low water"]),
            (#""unclosed phrase"#, ["unclosed", "phrase"]),
            (#"a"b"c"#, ["a", "b", "c"]),
            ("\"of a\0zero byte\" left", ["of", "a", "zero", "byte", "left"]),
            (#" "" "  " - !? "#, []),
            (#"x-y_z "#, ["x-y_z"]),
        ])
    func terms(text: String, expected: [String]) {
        #expect(TextQuery(text).terms == expected)
    }

    @Test("terms and the words in them are bounded; of a phrase the beginning is looked for")
    func bounds() {
        let words = (0..<5_000).map { "w\($0)" }
        #expect(TextQuery(words.joined(separator: " ")).terms.count == TextQuery.maximumTerms)
        for separator in ["-", ","] {
            let phrase = words.joined(separator: separator)
            let terms = TextQuery("first " + phrase + " last").terms
            let kept = words.prefix(TextQuery.maximumWords - 1).joined(separator: separator)
            #expect(terms == ["first", kept + separator])
            #expect(TextQuery("first " + phrase + " last").isCut)
        }
        for (count, isCut) in [(256, false), (257, true)] {
            let text = words.prefix(count).joined(separator: " ")
            #expect(TextQuery(text).isCut == isCut)
            #expect(TextQuery("\"a\" " + text).isCut)
        }
        #expect(!TextQuery(words.prefix(256).joined(separator: " ") + " - \"!\"").isCut)
        let quoted = TextQuery("\"" + words.joined(separator: " ") + "\" last").terms
        #expect(quoted == [words.prefix(TextQuery.maximumWords).joined(separator: " ") + " "])
    }
}
