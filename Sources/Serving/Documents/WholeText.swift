import BiGSModel
import DocumentStore
import Tokenization

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
        let prepared = try await prepare(texts.map { .text($0) }, rules)
        let outcome = try await executor.run(
            prepared.map(\.sequence), outputs: [loaded.pooling.outputs, .lastHiddenState])
        let columns = loaded.configuration.hiddenSize
        var wholes: [WholeText] = []
        for (index, output) in outcome.outputs.enumerated() {
            let text = prepared[index]
            let vector = try vector(output, of: text, .embedding, input: index)
            guard let states = output.lastHiddenState else { throw .notFinite(input: index) }
            let rows = text.usage.tokensUsed
            wholes.append(
                WholeText(
                    usage: text.usage, vector: vector,
                    states: TextStates(
                        values: Array(states[..<(rows * columns)]), columns: columns,
                        offsets: text.offsets)))
        }
        return wholes
    }
}
