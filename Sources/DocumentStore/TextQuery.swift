/// Words and phrases to look for. Whatever the text, the match expression made of it is sound: each
/// word stands in quotes, and nothing is an operator.
struct TextQuery {
    /// The terms, each a word or the words of a "quoted phrase", without quotes, in the order of the
    /// text and once each.
    let terms: [String]

    /// The largest number of terms; what follows is not looked for.
    static let maximumTerms = 256

    init(_ text: String) {
        var terms: [String] = []
        // By bytes: of two spellings of one canonical form the index may have one only.
        var seen: Set<[UInt8]> = []
        func add(_ term: Substring.UnicodeScalarView) {
            // A term without a letter or digit has no token, and would match nothing.
            guard terms.count < Self.maximumTerms, term.contains(where: Self.isWordScalar) else {
                return
            }
            let term = String(term)
            if seen.insert(Array(term.utf8)).inserted { terms.append(term) }
        }
        // By scalars: a quote with an accent on it is one character, and still a quote. A zero byte
        // would end the expression.
        let parts = text.unicodeScalars.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\"" })
        for (index, part) in parts.enumerated() {
            // Every other part lies in quotes; a last quote that nothing closes is none.
            if index % 2 == 1, index < parts.count - 1, !part.contains("\0") {
                add(part)
            } else {
                let words = part.split { $0.properties.isWhitespace || $0 == "\0" }
                for word in words { add(word) }
            }
        }
        self.terms = terms
    }

    /// The expression for FTS5's MATCH; nil when there is nothing to look for.
    var match: String? {
        if terms.isEmpty { return nil }
        return terms.map { "\"\($0)\"" }.joined(separator: " OR ")
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber, .letterNumber, .otherNumber, .privateUse:
            true
        default: false
        }
    }
}
