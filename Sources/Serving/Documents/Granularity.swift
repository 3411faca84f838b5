import Tokenization

/// How a text is cut into passages. Offsets count Unicode scalars.
package enum Granularity: Sendable, Hashable {
    case sentence
    case paragraph
    /// Windows of so many tokens, each `overlap` tokens into the one before.
    case tokens(size: Int, overlap: Int)
    /// The caller's own.
    case spans([Range<Int>])

    /// What passages of it are called by.
    package var name: String {
        switch self {
        case .sentence: "sentence"
        case .paragraph: "paragraph"
        case .tokens: "tokens"
        case .spans: "spans"
        }
    }

    /// All that decides where passages lie.
    var description: String {
        switch self {
        case .sentence, .paragraph: name
        case .tokens(let size, let overlap): "tokens:\(size):\(overlap)"
        case .spans(let spans):
            "spans:" + spans.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
        }
    }

    /// The passages of `text`, whose used tokens lie at `tokens`.
    func spans(of text: String, tokens: [Range<Int>]) -> [Range<Int>] {
        switch self {
        case .sentence: return TextBoundaries.sentences(of: text)
        case .paragraph: return TextBoundaries.paragraphs(of: text)
        case .spans(let spans): return spans
        case .tokens(let size, let overlap):
            let real = tokens.filter { !$0.isEmpty }
            var spans: [Range<Int>] = []
            var start = 0
            while start < real.count {
                let end = min(start + size, real.count)
                spans.append(real[start].lowerBound..<real[end - 1].upperBound)
                if end == real.count { break }
                start += size - overlap
            }
            return spans
        }
    }
}
