/// Words and phrases to look for. Whatever the text, the match expression made of it is sound: each
/// word stands in quotes, and nothing is an operator.
struct TextQuery {
    /// The terms, each a word or the words of a "quoted phrase", without quotes, in the order of the
    /// text and once each.
    let terms: [String]
    /// Whether the text has words that are not looked for, since there are too many.
    let isCut: Bool

    /// The largest number of terms, and of words in all of them; what follows is not looked for, of a
    /// phrase that reaches further neither. The index takes some 20 KB of memory for each word of a
    /// phrase, and a term without white space may be a phrase of many: a-b-c.
    static let (maximumTerms, maximumWords) = (256, 1_024)

    init(_ text: String) {
        var terms: [String] = []
        // By bytes: of two spellings of one canonical form the index may have one only.
        var seen: Set<[UInt8]> = []
        var words = 0
        var isCut = false
        var isFull: Bool { terms.count == Self.maximumTerms || words == Self.maximumWords }
        func add(_ term: Scalars) {
            let (beginning, count) = Self.beginning(of: term, words: Self.maximumWords - words)
            // A term without a letter or digit has no token, and would match nothing.
            guard count > 0, seen.insert(Array(String(beginning).utf8)).inserted else { return }
            terms.append(String(beginning))
            words += count
            if beginning.endIndex < term.endIndex { isCut = true }
        }
        func checkRest(_ rest: Scalars) {
            if isFull, rest.contains(where: Self.isWordScalar) { isCut = true }
        }
        // By scalars: a quote with an accent on it is one character, and still a quote. A zero byte
        // would end the expression.
        func addWords(of part: Scalars) {
            var rest = part
            while !isFull, let start = rest.firstIndex(where: { !Self.isSeparator($0) }) {
                rest = rest[start...]
                let end = rest.firstIndex(where: Self.isSeparator) ?? rest.endIndex
                add(rest[..<end])
                rest = rest[end...]
            }
            checkRest(rest)
        }
        var rest = text.unicodeScalars[...]
        while !isFull, !rest.isEmpty {
            let quote = rest.firstIndex(of: "\"") ?? rest.endIndex
            addWords(of: rest[..<quote])
            rest = rest[quote...].dropFirst()
            // A last quote that nothing closes is none.
            guard let end = rest.firstIndex(of: "\"") else { continue }
            if isFull { break }
            if rest[..<end].contains("\0") {
                addWords(of: rest[..<end])
            } else {
                add(rest[..<end])
            }
            rest = rest[end...].dropFirst()
        }
        checkRest(rest)
        self.terms = terms
        self.isCut = isCut
    }

    private typealias Scalars = Substring.UnicodeScalarView

    /// As much of a term as has so many words, and how many it has.
    private static func beginning(of term: Scalars, words limit: Int) -> (Scalars, Int) {
        var (count, isInWord) = (0, false)
        for index in term.indices {
            let isWord = isWordScalar(term[index])
            if isWord, !isInWord {
                if count == limit { return (term[..<index], count) }
                count += 1
            }
            isInWord = isWord
        }
        return (term, count)
    }

    /// The expression for FTS5's MATCH; nil when there is nothing to look for.
    var match: String? {
        if terms.isEmpty { return nil }
        return terms.map { "\"\($0)\"" }.joined(separator: " OR ")
    }

    private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\0"
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
