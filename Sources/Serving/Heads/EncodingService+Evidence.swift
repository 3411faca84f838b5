import BiGSModel
import Tokenization

/// What the checkpoint's own classification head says of texts, and of which passages.
extension EncodingService {
    /// The head's labels for each text, with the passages that carry them where `question` asks for
    /// evidence. Nothing of that is looked up or kept.
    ///
    /// A passage's score is what the head says of the mean of its own tokens' states: of late-chunked
    /// vectors, in the head's own space whatever the model's pooling.
    /// - Throws: `headMissing`, and whatever keeps a text from being encoded.
    package func classify(
        _ texts: [String], question: HeadQuestion, rules: EncodingRules
    ) async throws(ServiceError) -> (predictions: [HeadPrediction], result: EncodingResult) {
        let encoded = try await encodeScores(texts.map { .text($0) }, rules: rules)
        var predictions: [HeadPrediction] = []
        var allowance = PassageAllowance(field: "evidence")
        for (index, (text, whole)) in zip(texts, encoded.texts).enumerated() {
            predictions.append(
                try await prediction(
                    whole.pooled, of: whole.textStates, text: text, question, within: &allowance,
                    input: index))
        }
        return (predictions, encoded.result)
    }

    /// The answer for a text's raw scores, with its passages judged where `question` asks for that.
    func prediction(
        _ scores: [Float], of states: TextStates, text: String, _ question: HeadQuestion,
        within allowance: inout PassageAllowance, input: Int = 0
    ) async throws(ServiceError) -> HeadPrediction {
        let classification = Classification(loaded)
        @Sendable func values(_ scores: [Float]) -> [Float] {
            question.raw ? scores : classification.probabilities(scores)
        }
        let labels = scores.indices.map(classification.label)
        guard let evidence = question.evidence else {
            return question.answer(labels, values(scores), passages: nil)
        }
        let passages = try await passages(
            of: states, whole: [], text: text, evidence, pooling: .mean,
            within: &allowance, input: input)
        let seen = passages.compactMap { passage in
            passage.vector.map { (range: passage.range, mean: $0) }
        }
        let scored = try await self.scores(ofMeans: seen.map(\.mean), input: input)
        return await LongWork.run(bytes: 4 * scored.count * labels.count) {
            let judged = zip(seen, scored).map { ($0.range, values($1)) }
            return question.answer(labels, values(scores), passages: judged)
        }
    }

    /// The head's raw scores for means of states.
    func scores(
        ofMeans means: [[Float]], input: Int = 0
    ) async throws(ServiceError) -> [[Float]] {
        try await LongWork.run(bytes: means.count * loaded.configuration.hiddenSize * 16) {
            [model = loaded.model, heads = loaded.heads] () throws(ServiceError) in
            guard let scores = model.scores(ofMeans: means) else {
                throw .headMissing(needed: .sequenceClassification, available: heads)
            }
            guard scores.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
                throw .notFinite(input: input)
            }
            return scores
        }
    }
}
