/// Which results a forward pass hands out; what is not asked for is not computed.
package struct OutputRequest: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The last layer's rows.
    package static let lastHiddenState = OutputRequest(rawValue: 1 << 0)
    /// The pooler's output, where the checkpoint has a pooler.
    package static let poolerOutput = OutputRequest(rawValue: 1 << 1)
    /// The head's scores, where the model has a head.
    package static let logits = OutputRequest(rawValue: 1 << 2)
    /// The plain mean of the last layer over the attention mask.
    package static let meanPooled = OutputRequest(rawValue: 1 << 3)
    /// The rows after the embeddings and after every layer, to see where two engines part.
    package static let allHiddenStates = OutputRequest(rawValue: 1 << 4)
}

/// The results for one text of L tokens; float32, row-major. A result that was not asked for, or
/// that the model does not have, is nil.
package struct SequenceOutput: Sendable {
    /// [L, H].
    package internal(set) var lastHiddenState: [Float]?
    /// [H]. NaN where the attention mask is all 0, as in the reference.
    package internal(set) var poolerOutput: [Float]?
    /// The head's scores, of shape `logitsShape`: [L, vocabulary] (masked LM), [labels] (sequence
    /// classification), [L, labels] (token classification), [1] (multiple choice). Question
    /// answering has `startLogits` and `endLogits` instead.
    package internal(set) var logits: [Float]?
    /// The shape of one sequence's logits, row by row; nil without a head.
    package internal(set) var logitsShape: [Int]?
    /// [L].
    package internal(set) var startLogits: [Float]?
    /// [L].
    package internal(set) var endLogits: [Float]?
    /// [H]. NaN where the attention mask is all 0.
    package internal(set) var meanPooled: [Float]?
    /// Index 0 after the embeddings, index i after layer i; each [L, H].
    package internal(set) var hiddenStates: [[Float]]?
}

/// The results of one forward pass, in the order of the batch.
package struct ModelOutput: Sendable {
    /// One a sequence, in the order given.
    package internal(set) var sequences: [SequenceOutput]
}
