/// The states of a text's tokens, and where each lies in the text.
package struct TextStates: Sendable {
    /// [rows, columns], padding left out.
    package let values: [Float]
    /// Numbers in a state.
    package let columns: Int
    /// In Unicode scalars; empty for special tokens and for those of a prompt.
    package let offsets: [Range<Int>]
    /// Whether the text has more tokens than these.
    package let isTruncated: Bool
    /// How many rows at the beginning a pooling of the whole text leaves out.
    private let unpooled: Int

    /// States of these parts; `values` has as many rows as there are offsets.
    package init(
        values: [Float], columns: Int, offsets: [Range<Int>], isTruncated: Bool = false,
        unpooled: Int = 0
    ) {
        precondition(values.count == columns * offsets.count && unpooled <= offsets.count)
        self.values = values
        self.columns = columns
        self.offsets = offsets
        self.isTruncated = isTruncated
        self.unpooled = unpooled
    }

    /// No states, for what needs none.
    static let none = TextStates(values: [], columns: 0, offsets: [])

    /// The vector of the whole text, where it went through in one pass; nil for the model's own pooler,
    /// which needs its weights.
    func whole(_ pooling: Pooling) -> [Float]? {
        switch pooling {
        case .cls: Array(values.prefix(columns))
        case .mean, .max, .lastToken:
            LateChunking.pooled(
                Array(unpooled..<offsets.count)[...], values, columns, pooling)
        case .pooler: nil
        }
    }

    /// One passage for each of `ranges`, as ``LateChunking`` has them.
    package func passages(_ ranges: [Range<Int>], pooling: Pooling) -> [ChunkedPassage] {
        LateChunking.passages(
            ranges, states: values, offsets: offsets, hiddenSize: columns, pooling: pooling,
            isTruncated: isTruncated)
    }

    /// What of the text tokens lie in; nil where none does.
    static func seen(_ offsets: [Range<Int>]) -> Range<Int>? {
        guard let first = offsets.first(where: { !$0.isEmpty }),
            let last = offsets.last(where: { !$0.isEmpty })
        else { return nil }
        return first.lowerBound..<last.upperBound
    }
}
