/// A document on its way into the store.
package struct DocumentDraft: Sendable {
    /// The caller's name for it: 1 to 1,024 bytes of UTF-8 without control characters.
    package var id: String
    /// The text, whole, also where the model saw only part of it.
    package var text: String
    /// What is known about it; nil keeps the metadata that a document of this id has, or is
    /// empty for a new one.
    package var metadata: DocumentMetadata?
    /// Whatever apart from text and model decides the encoding (pooling of passages, truncation,
    /// kept states …), in any spelling of the caller's; compared as a whole.
    package var options: String
    /// Whether a kept encoding of a part of the text will do.
    package var acceptsTruncated: Bool
    /// What the model made of the text; nil asks whether it has to run at all.
    package var encoding: DocumentEncoding?

    /// A document with these parts.
    package init(
        id: String, text: String, metadata: DocumentMetadata? = nil, options: String = "",
        acceptsTruncated: Bool = true, encoding: DocumentEncoding? = nil
    ) {
        self.id = id
        self.text = text
        self.metadata = metadata
        self.options = options
        self.acceptsTruncated = acceptsTruncated
        self.encoding = encoding
    }
}

/// What `EncodingStore.put` did with a document.
package enum PutOutcome: Sendable, Hashable {
    /// There was none with this id.
    case created
    /// Text or encoding took the place of what was there.
    case replaced
    /// Text, model and options were the same: the metadata was replaced, nothing else.
    case metadataUpdated
    /// All of it was there already.
    case unchanged
    /// The draft has no encoding, and none of this text, model and options is kept that it accepts:
    /// nothing was written. Encode the text and put the document again.
    case needsEncoding
}

/// A text's encoding by one model.
package struct DocumentEncoding: Sendable, Equatable {
    /// How many tokens the text had.
    package var tokens: Int
    /// How many of them the model saw.
    package var tokensUsed: Int
    /// The text's vector, as it was computed: 1 or more finite numbers. Search compares by
    /// cosine, so its length does not matter.
    package var vector: [Float]
    /// The passages' vectors, in the order in which they are answered.
    package var passages: [Passage]
    /// Every token's state, where it is to be kept.
    package var states: TokenStates?

    /// An encoding with these parts.
    package init(
        tokens: Int, tokensUsed: Int, vector: [Float], passages: [Passage] = [],
        states: TokenStates? = nil
    ) {
        self.tokens = tokens
        self.tokensUsed = tokensUsed
        self.vector = vector
        self.passages = passages
        self.states = states
    }
}

/// A part of a text with a vector of its own.
package struct Passage: Sendable, Equatable {
    /// How the text was cut, e.g. `sentence`: passages of several granularities can lie beside
    /// each other.
    package var granularity: String
    /// Where it starts in the text, in Unicode scalars.
    package var start: Int
    /// Where it ends: one past the last scalar.
    package var end: Int
    /// Its vector, with as many finite numbers as the text's.
    package var vector: [Float]

    /// A passage with these parts.
    package init(granularity: String, start: Int, end: Int, vector: [Float]) {
        self.granularity = granularity
        self.start = start
        self.end = end
        self.vector = vector
    }
}
