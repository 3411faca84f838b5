import BiGSModel
import Checkpoints
import TestSupport
import Testing

/// A head on means of states: what `forward` gives a text whose states have that mean.
@Suite struct MeanScoreTests {
    private func model(_ head: String) throws -> BiGSModel {
        try BiGSModel.load(
            Checkpoint(directory: Fixtures.url("goldens/t1/\(head)/torch-safetensors")),
            options: ModelOptions())
    }

    @Test(arguments: ["SequenceClassification", "MultipleChoice"])
    func theScoresOfATextAreThoseOfItsMean(head: String) throws {
        let model = try model(head)
        #expect(model.poolsOwnTokens)
        var generator = SeededGenerator(seed: 11)
        var sequences: [TokenSequence] = []
        // More texts than go through the head at a time, some with padding.
        for length in 1...150 {
            let ids = (0..<length % 13 + 1).map { _ in
                Int32.random(
                    in: 0..<Int32(model.configuration.vocabularySize), using: &generator)
            }
            sequences.append(
                TokenSequence(
                    ids: ids,
                    attentionMask: length.isMultiple(of: 3)
                        ? [1] + Array(repeating: 0, count: ids.count - 1) : nil))
        }
        let batch = TokenBatch(sequences: sequences)
        let output = try model.forward(
            batch, workspace: model.makeWorkspace(tokenCapacity: batch.tokenCount),
            outputs: [.meanPooled, .poolerOutput, .logits])
        let means = try output.sequences.map { try #require($0.meanPooled) }
        let scores = try #require(model.scores(ofMeans: means))
        #expect(scores == output.sequences.map(\.logits))
        #expect(model.scores(ofMeans: [means[7]]) == [scores[7]])
        #expect(model.scores(ofMeans: []) == [])
        let pooled = try output.sequences.map { try #require($0.poolerOutput) }
        #expect(model.poolerOutputs(ofMeans: means) == pooled)
    }

    @Test(arguments: ["MaskedLM", "TokenClassification", "QuestionAnswering"])
    func otherHeadsJudgeNoMeans(head: String) throws {
        let model = try model(head)
        #expect(
            model.scores(
                ofMeans: [Array(repeating: 0, count: model.configuration.hiddenSize)]) == nil)
    }
}
