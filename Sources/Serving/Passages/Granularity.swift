import Tokenization

/// How a text is cut into passages. Offsets count Unicode scalars.
package enum Granularity: Sendable, Hashable {
    case sentence
    /// Sentences of text whose lines were broken at a fixed width: a single line end is a space.
    case sentenceAcrossLines
    case paragraph
    /// Lines that are not blank.
    case line
    /// Windows of so many tokens, each `overlap` tokens into the one before.
    case tokens(size: Int, overlap: Int)
    /// The text as one, with the vector that it has as a whole.
    case document
    /// The caller's own.
    case spans([Range<Int>])

    /// What passages of it are called by.
    package var name: String {
        switch self {
        case .sentence, .sentenceAcrossLines: "sentence"
        case .paragraph: "paragraph"
        case .line: "line"
        case .tokens: "tokens"
        case .document: "document"
        case .spans: "spans"
        }
    }

    /// All that decides where passages lie.
    var description: String {
        switch self {
        case .sentence, .paragraph, .line, .document: name
        case .sentenceAcrossLines: "sentence:joined"
        case .tokens(let size, let overlap): "tokens:\(size):\(overlap)"
        case .spans(let spans):
            "spans:" + spans.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
        }
    }

    /// The passages of `text`, whose used tokens lie at `tokens`.
    package func spans(of text: String, tokens: [Range<Int>]) -> [Range<Int>] {
        switch self {
        case .sentence: return TextBoundaries.sentences(of: text)
        case .sentenceAcrossLines:
            return TextBoundaries.sentences(of: text, joiningLines: true)
        case .line: return TextBoundaries.lines(of: text)
        case .paragraph: return TextBoundaries.paragraphs(of: text)
        case .document: return [0..<text.unicodeScalars.count]
        case .spans(let spans): return spans
        case .tokens(let size, let overlap):
            let real = tokens.filter { !$0.isEmpty }
            guard !real.isEmpty else { return [] }
            return TextWindows.ranges(count: real.count, size: size, overlap: overlap).map {
                real[$0.lowerBound].lowerBound..<real[$0.upperBound - 1].upperBound
            }
        }
    }

    /// Which of a caller's spans does not end within a text of `length` scalars; nil for none.
    package func firstSpan(outside length: Int) -> Int? {
        guard case .spans(let spans) = self else { return nil }
        return spans.firstIndex { $0.upperBound > length }
    }
}
