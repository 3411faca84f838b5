/// One text as the encoder sees it. Nothing is added or cut: the ids are used as they are.
package struct TokenSequence: Sendable {
    /// Token ids, each in `0..<vocabularySize`; [L].
    package let ids: [Int32]
    /// Token types (0 for the first text, 1 for its pair); [L], nil means all 0.
    package let typeIDs: [Int32]?
    /// Weights of the positions in a mean, 1 for text and 0 for padding; [L], nil means all 1.
    /// Only means read it: the encoder itself has no mask.
    package let attentionMask: [Int32]?
    /// Rows of the position table; [L], nil means 0, 1, 2, …
    package let positionIDs: [Int32]?
    /// The rows whose scores a head that scores tokens is to give, in this order, each below L; nil
    /// means all. A vocabulary is wide: a text's scores for it are hundreds of megabytes.
    package let scoredRows: [Int]?

    /// A sequence of one token or more; masks and types, where given, are as long.
    package init(
        ids: [Int32], typeIDs: [Int32]? = nil, attentionMask: [Int32]? = nil,
        positionIDs: [Int32]? = nil, scoredRows: [Int]? = nil
    ) {
        self.scoredRows = scoredRows
        self.ids = ids
        self.typeIDs = typeIDs
        self.attentionMask = attentionMask
        self.positionIDs = positionIDs
    }
}

/// Texts that go through the encoder together. Their rows are packed one after the other without
/// padding, and no text sees another.
package struct TokenBatch: Sendable {
    /// In the order in which results come.
    package let sequences: [TokenSequence]

    /// These sequences, packed without padding.
    package init(sequences: [TokenSequence]) { self.sequences = sequences }

    /// Tokens of all texts together.
    package var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }

    /// Throws what keeps this batch from running on a model of `configuration`'s size.
    func validate(for configuration: BiGSConfiguration) throws(InputError) {
        guard !sequences.isEmpty else { throw .emptyBatch }
        for (index, sequence) in sequences.enumerated() {
            let count = sequence.ids.count
            guard count > 0 else { throw .emptySequence(sequence: index) }
            guard count <= configuration.maximumPositions else {
                throw .tooLong(
                    sequence: index, tokens: count, maximum: configuration.maximumPositions)
            }
            let indices: [(String, [Int32]?, Int)] = [
                ("input_ids", sequence.ids, configuration.vocabularySize),
                ("token_type_ids", sequence.typeIDs, configuration.typeVocabularySize),
                ("position_ids", sequence.positionIDs, configuration.maximumPositions),
                ("attention_mask", sequence.attentionMask, Int(Int32.max)),
            ]
            if let bad = sequence.scoredRows?.firstIndex(where: { !(0..<count).contains($0) }) {
                throw .outOfRange(
                    sequence: index, field: "scored_rows", index: bad,
                    value: Int32(clamping: sequence.scoredRows?[bad] ?? 0), limit: count)
            }
            for case (let field, let values?, let limit) in indices {
                guard values.count == count else {
                    throw .lengthMismatch(
                        sequence: index, field: field, expected: count, got: values.count)
                }
                if let bad = values.firstIndex(where: { $0 < 0 || Int($0) >= limit }) {
                    throw .outOfRange(
                        sequence: index, field: field, index: bad, value: values[bad],
                        limit: limit)
                }
            }
        }
    }
}
