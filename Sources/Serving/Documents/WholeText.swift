import DocumentStore

/// A text encoded once for everything: its vector and the states of its tokens.
struct WholeText: Sendable {
    let usage: TokenUsage
    /// The pooled vector, not normalised, [H].
    let vector: [Float]
    /// Padding left out.
    let states: TextStates
}

extension EncodingService {
    /// One pass over each text.
    func whole(
        _ texts: [String], rules: EncodingRules
    ) async throws(ServiceError) -> [WholeText] {
        let encoded = try await encodeStates(texts.map { .text($0) }, rules: rules)
        return encoded.texts.map { text in
            WholeText(
                usage: text.usage, vector: text.pooled,
                states: TextStates(
                    values: text.states, columns: text.hiddenSize, offsets: text.offsets))
        }
    }
}
