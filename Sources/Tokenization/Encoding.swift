/// A text, or a pair of texts, as a model takes it. All arrays have the same length, [L].
package struct Encoding: Sendable, Equatable {
    /// Token identifiers, [L].
    package var ids: [Int32]
    /// 0 for the first text and its special tokens, 1 for the second, 0 for padding, [L].
    package var typeIDs: [Int32]
    /// 1 for a token, 0 for padding, [L].
    package var attentionMask: [Int32]
    /// Where each token comes from, in Unicode scalars of its own original text; `0..<0` for special
    /// tokens that the text does not contain and for padding, [L].
    package var offsets: [Range<Int>]
    /// 1 for special tokens that the text does not contain and for padding, [L].
    package var specialTokensMask: [Int32]
    /// The length that nothing was cut from: special tokens included, padding not.
    package var tokensBeforeTruncation: Int
    /// Whether tokens were cut.
    package var isTruncated: Bool

    /// Tokens without padding.
    package var tokenCount: Int { attentionMask.reduce(0) { $0 + Int($1) } }
}

/// Which text gives way when a pair, or a single text, is longer than the limit.
package enum TruncationStrategy: String, Sendable, CaseIterable {
    /// Nothing is cut: the limit is not applied.
    case none = "do_not_truncate"
    /// The longer one, until both are equally long; then both.
    case longestFirst = "longest_first"
    /// The first text only; it is an error if that is not enough.
    case onlyFirst = "only_first"
    /// The second text only; it is an error if that is not enough.
    case onlySecond = "only_second"
}

/// The end that tokens are cut from.
package enum TruncationSide: String, Sendable, CaseIterable {
    /// The start of the text stays.
    case right
    /// The end of the text stays.
    case left
}

/// How a text becomes an `Encoding`.
package struct EncodingOptions: Sendable, Equatable {
    /// Whether `[CLS]` and `[SEP]` are added.
    package var addSpecialTokens: Bool
    /// The longest encoding, special tokens included; nil for no limit.
    package var maximumLength: Int?
    /// Which text gives way to `maximumLength`.
    package var truncation: TruncationStrategy
    /// The end that tokens are cut from.
    package var truncationSide: TruncationSide
    /// The length that shorter encodings are padded to, on the right; nil for no padding.
    package var padTo: Int?

    /// By default as Hugging Face's tokenizers do: special tokens, no bound.
    package init(
        addSpecialTokens: Bool = true, maximumLength: Int? = nil,
        truncation: TruncationStrategy = .longestFirst, truncationSide: TruncationSide = .right,
        padTo: Int? = nil
    ) {
        self.addSpecialTokens = addSpecialTokens
        self.maximumLength = maximumLength
        self.truncation = truncation
        self.truncationSide = truncationSide
        self.padTo = padTo
    }
}
