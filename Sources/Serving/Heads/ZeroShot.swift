import BiGSModel

/// How a text was judged.
package enum ScoringMethod: String, Sendable {
    /// The checkpoint's classification head.
    case head
    /// The head read text and label as premise and hypothesis.
    case entailment
    /// The head read query and text as a pair.
    case crossEncoder = "cross-encoder"
    /// The cosine of two embeddings.
    case cosine
}

/// Labels that no head was trained on, through one that knows what follows from what: Hugging Face's
/// zero-shot pipeline (transformers 4.57).
package struct EntailmentScoring: Sendable {
    private let entailment: Int
    private let contradiction: Int

    /// For a model whose head has a label that starts with "entail"; nil for any other.
    package init?(_ model: LoadedModel) {
        guard model.model.head == .sequenceClassification, model.configuration.labels.count > 1,
            let entailment = model.configuration.labels.firstIndex(where: {
                $0.lowercased().hasPrefix("entail")
            })
        else { return nil }
        self.entailment = entailment
        contradiction = entailment == 0 ? model.configuration.labels.count - 1 : 0
    }

    /// The head's own score for "follows", for each candidate.
    package func raw(_ logits: [[Float]]) -> [Float] { logits.map { $0[entailment] } }

    /// The probability of each candidate of one text, from the head's raw scores for each of them.
    /// Independent ones each weigh entailment against contradiction; else they share 1.
    package func scores(_ logits: [[Float]], independent: Bool) -> [Float] {
        if independent || logits.count == 1 {
            return logits.map {
                Probabilities.softmax([$0[contradiction], $0[entailment]])[1]
            }
        }
        return Probabilities.softmax(logits.map { $0[entailment] })
    }
}

/// Labels by the likeness of their embeddings to the text's.
package enum CosineScoring {
    /// Cosines are close to each other: sentence-transformers' scale before a softmax over them.
    package static let scale: Float = 20

    /// The score of each candidate: its cosine, from 0 up, where they are independent; else a softmax over
    /// 20 times the cosines.
    package static func scores(_ cosines: [Float], independent: Bool) -> [Float] {
        independent
            ? cosines.map { max(0, $0) } : Probabilities.softmax(cosines.map { $0 * scale })
    }
}
