package import Learning

/// What a head says of a text.
package struct HeadPrediction: Sendable, Equatable {
    /// A passage and its own score for a label.
    package struct Evidence: Sendable, Equatable {
        /// In Unicode scalars of the text.
        package let range: Range<Int>
        /// The label's probability, or its raw score.
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

    /// Throws `unsupported` where the model's pooling gives passages no vectors.
    func check(_ service: EncodingService) throws(ServiceError) {
        if let evidence { _ = try service.pooling(nil, for: [evidence], field: "evidence") }
    }

    /// The passages to be scored; nil where none are asked for.
    func passages(
        of states: TextStates, whole: [Float], text: String,
        within allowance: inout PassageAllowance, _ service: EncodingService, input: Int = 0
    ) async throws(ServiceError) -> [(range: Range<Int>, vector: [Float])]? {
        guard let evidence else { return nil }
        return try await service.passages(
            of: states, whole: whole, text: text, evidence, pooling: service.loaded.pooling,
            within: &allowance, input: input
        ).compactMap { passage in passage.vector.map { (passage.range, $0) } }
    }

    /// The answer for a pooled vector. Throws `notFinite` where the head's weights are so large that a
    /// score is beyond float32.
    ///
    /// A head takes vectors of length one, as it was trained on. A passage's score is what the head
    /// says of the passage's own vector, so evidence is the model's own judgement of the parts, not a
    /// guess from words.
    func answer(
        _ head: LinearHead, vector: [Float], passages: [(range: Range<Int>, vector: [Float])]?,
        input: Int = 0
    ) throws(ServiceError) -> HeadPrediction {
        let whole = try scores(head, vector, input)
        var judged: [(range: Range<Int>, scores: [Float])]?
        if let passages {
            judged = []
            for (range, vector) in passages {
                judged?.append((range, try scores(head, vector, input)))
            }
        }
        return answer(head.labels, whole, passages: judged)
    }

    /// The answer for scores as they are to be shown, one for each label: the text's, and those of its
    /// passages.
    func answer(
        _ labels: [String], _ scores: [Float],
        passages: [(range: Range<Int>, scores: [Float])]?
    ) -> HeadPrediction {
        let order = scores.fallingOrder.prefix(top ?? scores.count)
        return HeadPrediction(
            labels: order.map { LabelScore(label: labels[$0], score: scores[$0]) },
            evidence: passages.map { judged in
                order.map { label in
                    Self.best(
                        judged.lazy.map { .init(range: $0.range, score: $0.scores[label]) })
                }
            })
    }

    /// The few of the best score, best first; of equal ones the earlier.
    private static func best(
        _ passages: some Sequence<HeadPrediction.Evidence>
    ) -> [HeadPrediction.Evidence] {
        var best: [HeadPrediction.Evidence] = []
        for passage in passages {
            let place =
                best.firstIndex { other in
                    (passage.score, other.range.lowerBound)
                        > (other.score, passage.range.lowerBound)
                } ?? best.count
            guard place < passagesPerLabel else { continue }
            best.insert(passage, at: place)
            if best.count > passagesPerLabel { best.removeLast() }
        }
        return best
    }

    private func scores(
        _ head: LinearHead, _ vector: [Float], _ input: Int
    ) throws(ServiceError) -> [Float] {
        let scores = head.scores(VectorFinish(normalize: true).apply(vector))
        guard scores.allSatisfy(\.isFinite) else { throw .notFinite(input: input) }
        return raw ? scores : head.probabilities(scores)
    }
}

extension EncodingService {
    /// What a trained head says of each text, and what the texts took.
    package func predict(
        _ texts: [String], head: TrainedHead, question: HeadQuestion, rules: EncodingRules
    ) async throws(ServiceError) -> (predictions: [HeadPrediction], result: EncodingResult) {
        var predictions: [HeadPrediction] = []
        guard question.evidence != nil else {
            let result = try await embed(texts.map { .text($0) }, rules: rules)
            for (input, vector) in result.vectors.enumerated() {
                predictions.append(
                    try question.answer(head.head, vector: vector, passages: nil, input: input))
            }
            return (predictions, result)
        }
        try question.check(self)
        var allowance = PassageAllowance(field: "evidence")
        let encoded = try await encodeStates(texts.map { .text($0) }, rules: rules)
        for (input, (text, whole)) in zip(texts, encoded.texts).enumerated() {
            let passages = try await question.passages(
                of: whole.textStates, whole: whole.pooled, text: text, within: &allowance, self,
                input: input)
            predictions.append(
                try await answer(
                    question, head.head, vector: whole.pooled, passages: passages, input: input))
        }
        return (predictions, encoded.result)
    }

    /// The answer for a text's vector and those of its passages, which may be many: aside from the pool
    /// that answers.
    func answer(
        _ question: HeadQuestion, _ head: LinearHead, vector: [Float],
        passages: [(range: Range<Int>, vector: [Float])]?, input: Int = 0
    ) async throws(ServiceError) -> HeadPrediction {
        let numbers = (passages?.count ?? 0) * (vector.count + head.labels.count)
        return try await LongWork.run(bytes: 4 * numbers) { () throws(ServiceError) in
            try question.answer(head, vector: vector, passages: passages, input: input)
        }
    }
}
