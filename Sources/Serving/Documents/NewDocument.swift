package import DocumentStore

/// A document that is to be kept.
package struct NewDocument: Sendable {
    /// The caller's name for it; nil takes the SHA-256 of the text in hexadecimal.
    package let id: String?
    /// What is encoded and kept.
    package let text: String
    /// `id`, or the SHA-256 of the text.
    package let effectiveID: String
    /// Nil keeps what is known of a document of this id.
    package var metadata: DocumentMetadata?
    /// How the text is cut into passages, each of which gets a vector.
    package var granularities: [Granularity] = []
    /// Whether the states of its tokens are kept, and how; nil leaves it to the service, `.some(nil)`
    /// keeps none.
    package var states: TokenStates.Format??
    /// How it is read.
    package var rules = EncodingRules()

    /// A document without passages.
    package init(id: String? = nil, text: String, metadata: DocumentMetadata? = nil) {
        self.id = id
        self.text = text
        effectiveID = id ?? TextHash.hexadecimal(text)
        self.metadata = metadata
    }
}

/// What came of a document.
package struct DocumentReceipt: Sendable, Equatable {
    /// What became of a document.
    package enum Outcome: String, Sendable, CaseIterable {
        case stored
        case replaced
        case unchanged
    }

    /// The id that it has in the store.
    package let id: String
    /// What became of it.
    package let outcome: Outcome
    /// How many tokens the text has, and how many were used; nil when the document went meanwhile.
    package internal(set) var usage: TokenUsage?
    /// Whether the text had to be encoded for it.
    package let isEncoded: Bool
}
