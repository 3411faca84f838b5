package import Learning

/// What a trained head says of a text.
package struct HeadPrediction: Sendable, Equatable {
    /// A passage and its own score for a label.
    package struct Evidence: Sendable, Equatable {
        /// In Unicode scalars of the text.
        package let range: Range<Int>
        package let score: Float
    }

    /// Labels by falling score.
    package let labels: [LabelScore]
    /// For each of `labels` the passages that carry it, best first; nil where none was asked for.
    package let evidence: [[Evidence]]?

    /// A prediction of these parts.
    package init(labels: [LabelScore], evidence: [[Evidence]]?) {
        self.labels = labels
        self.evidence = evidence
    }
}

/// How a head's answer is to look.
package struct HeadQuestion: Sendable {
    /// Raw scores instead of probabilities.
    package var raw = false
    /// How many labels; nil is all.
    package var top: Int?
    /// The passages that are scored by themselves; nil asks for no evidence.
    package var evidence: Granularity?

    /// The most passages that are named for a label.
    static let passagesPerLabel = 3

    /// All labels, without evidence.
    package init() {}

    /// The answer for a pooled vector.
    ///
    /// A head takes vectors of length one, as it was trained on. A passage's score is what the head
    /// says of the passage's own vector, so evidence is the model's own judgement of the parts, not a
    /// guess from words.
    func answer(
        _ head: LinearHead, vector: [Float], passages: [(range: Range<Int>, vector: [Float])]?
    ) -> HeadPrediction {
        let scores = scores(head, vector)
        let order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
            .prefix(top ?? scores.count)
        let judged = passages.map { passages in
            passages.map { (range: $0.range, scores: self.scores(head, $0.vector)) }
        }
        return HeadPrediction(
            labels: order.map { LabelScore(label: head.labels[$0], score: scores[$0]) },
            evidence: judged.map { judged in
                order.map { label in
                    judged.map { .init(range: $0.range, score: $0.scores[label]) }
                        .sorted { a, b in
                            (a.score, b.range.lowerBound) > (b.score, a.range.lowerBound)
                        }
                        .prefix(Self.passagesPerLabel).map { $0 }
                }
            })
    }

    private func scores(_ head: LinearHead, _ vector: [Float]) -> [Float] {
        let scores = head.scores(VectorFinish(normalize: true).apply(vector))
        return raw ? scores : head.probabilities(scores)
    }
}

extension EncodingService {
    /// What a trained head says of each text, and what the texts took.
    package func predict(
        _ texts: [String], head: TrainedHead, question: HeadQuestion, rules: EncodingRules
    ) async throws(ServiceError) -> (predictions: [HeadPrediction], result: EncodingResult) {
        guard let granularity = question.evidence else {
            let result = try await embed(texts.map { .text($0) }, rules: rules)
            let predictions = result.vectors.map {
                question.answer(head.head, vector: $0, passages: nil)
            }
            return (predictions, result)
        }
        let wholes = try await whole(texts, rules: rules)
        let predictions = zip(texts, wholes).map { text, whole in
            question.answer(
                head.head, vector: whole.vector,
                passages: whole.states.passages(granularity, of: text))
        }
        let result = EncodingResult(
            vectors: wholes.map(\.vector), usage: wholes.map(\.usage), cache: .miss,
            timings: .init())
        return (predictions, result)
    }
}
