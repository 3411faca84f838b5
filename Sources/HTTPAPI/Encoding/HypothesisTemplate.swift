/// A sentence with a place, `{}`, for a label; there may be several.
struct HypothesisTemplate {
    private let pieces: [Substring]

    /// - Throws: 422 when the text has no place.
    init(_ text: String) throws(APIError) {
        pieces = text.split(separator: "{}", omittingEmptySubsequences: false)
        if pieces.count < 2 {
            throw .validation(field: "hypothesis_template", "has no {} for the label")
        }
    }

    /// The sentence of each label.
    ///
    /// A template of many places makes far more of many labels than the request had bytes, so what they
    /// come to is known before any is made.
    /// - Parameter limit: the most bytes of all of them.
    /// - Throws: 422 when there would be more.
    func hypotheses(for labels: [String], upTo limit: Int) throws(APIError) -> [String] {
        guard let bytes = byteCount(for: labels), bytes <= limit else {
            throw .validation(
                field: "hypothesis_template",
                "makes more than \(limit) bytes of all labels, which is the most")
        }
        return labels.map { pieces.joined(separator: $0) }
    }

    /// How many bytes all sentences have; nil when that is more than can be counted.
    private func byteCount(for labels: [String]) -> Int? {
        let template = pieces.reduce(0) { $0 + $1.utf8.count }
        let named = labels.reduce(0) { $0 + $1.utf8.count }
        let (plain, overflow) = template.multipliedReportingOverflow(by: labels.count)
        let (filled, further) = named.multipliedReportingOverflow(by: pieces.count - 1)
        let (sum, last) = plain.addingReportingOverflow(filled)
        return overflow || further || last ? nil : sum
    }
}
