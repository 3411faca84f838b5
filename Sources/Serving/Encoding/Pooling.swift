import BiGSModel

/// How the states of a text's tokens become one vector.
package enum Pooling: String, Sendable, CaseIterable {
    /// The mean over all tokens, [CLS] and [SEP] included (sentence-transformers' `mean_tokens`).
    case mean
    /// The state of the first token.
    case cls
    /// The largest value of each dimension over all tokens.
    case max
    /// The state of the last token.
    case lastToken = "last-token"
    /// The model's own pooler: masked mean, dense layer, tanh.
    case pooler

    /// Whether the tokens of a prompt can be left out. The first token is what it is whatever is left
    /// out, and sentence-transformers has no pooler.
    var canLeaveOutPrompt: Bool {
        switch self {
        case .mean, .max, .lastToken: true
        case .cls, .pooler: false
        }
    }

    /// What the model has to be asked for.
    var outputs: OutputRequest {
        switch self {
        case .mean: .meanPooled
        case .cls, .max, .lastToken: .lastHiddenState
        case .pooler: .poolerOutput
        }
    }

    /// The vector of one text, [H]; nil when the model did not give what it is made of.
    ///
    /// `mask` marks the tokens that are not padding.
    func vector(of output: SequenceOutput, hiddenSize: Int, mask: [Int32]?) -> [Float]? {
        switch self {
        case .mean: return output.meanPooled
        case .pooler: return output.poolerOutput
        case .cls: return output.lastHiddenState.map { Array($0.prefix(hiddenSize)) }
        case .lastToken, .max:
            guard let states = output.lastHiddenState else { return nil }
            let kept = (0..<states.count / hiddenSize).filter { mask == nil || mask?[$0] != 0 }
            return kept.isEmpty ? nil : LateChunking.pooled(kept[...], states, hiddenSize, self)
        }
    }
}
