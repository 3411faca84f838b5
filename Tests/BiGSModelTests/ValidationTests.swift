import BiGSModel
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Wrong checkpoints are refused with every problem named.
@Suite struct ValidationTests {
    private static let torch = "t0/SequenceClassification/torch-safetensors"
    private static let maskedLM = "t1/MaskedLM/torch-safetensors"

    @Test func missingTensor() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["bigs.encoder.layer.1.dol.bias"] = nil
        #expect(
            try edited.problems() == [
                .missing(tensor: "bigs.encoder.layer.1.dol.bias", shape: [24])
            ])
    }

    @Test func missingHeadTensor() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["classifier.weight"] = nil
        edited.tensors["classifier.bias"] = nil
        #expect(
            try edited.problems() == [
                .missing(tensor: "classifier.weight", shape: [3, 16]),
                .missing(tensor: "classifier.bias", shape: [3]),
            ])
    }

    @Test func unknownTensor() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["bigs.encoder.layer.2.dv.bias"] = ([24], Array(repeating: 0, count: 24))
        #expect(try edited.problems() == [.unknown(tensor: "bigs.encoder.layer.2.dv.bias")])
    }

    @Test func wrongShape() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["bigs.encoder.layer.0.dv.weight"]?.shape = [16, 24]
        #expect(
            try edited.problems() == [
                .wrongShape(
                    tensor: "bigs.encoder.layer.0.dv.weight", expected: [24, 16], got: [16, 24])
            ])
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func nonFinite(_ value: Float) throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["bigs.pooler.dense.weight"]?.values[7] = value
        #expect(
            try edited.problems() == [
                .nonFinite(tensor: "bigs.pooler.dense.weight", index: 7)
            ])
    }

    @Test func stepBeyondFloat() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["bigs.encoder.layer.0.fs4.kernel.log_step"]?.values = [300]
        #expect(
            try edited.problems() == [
                .outOfRange(
                    tensor: "bigs.encoder.layer.0.fs4.kernel.log_step", value: 300,
                    allowed: "-80.0 to 80.0")
            ])
    }

    @Test func everyProblemAtOnce() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["classifier.bias"] = nil
        edited.tensors["stray"] = ([1], [0])
        edited.tensors["bigs.embeddings.LayerNorm.bias"]?.values[0] = .nan
        let problems = try edited.problems()
        #expect(problems.count == 3)
        #expect {
            _ = try edited.model()
        } throws: { error in
            guard case .some(.invalidModel(let thrown)) = error as? ModelError else { return false }
            return thrown == problems
        }
        let text = try BiGSModel.inspect(edited.checkpoint()).description
        #expect(text.hasPrefix("3 problems\n"))
        for name in ["classifier.bias", "stray", "bigs.embeddings.LayerNorm.bias"] {
            #expect(text.contains("  \(name): "))
        }
    }

    @Test func namesAreShownWithoutControlCharacters() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.tensors["\u{1b}[2J"] = ([1], [0])
        let problems = try edited.problems()
        #expect(problems == [.unknown(tensor: "\u{1b}[2J")])
        #expect(problems.map(\.description) == [#"\u{1b}[2J: unknown tensor"#])
    }

    @Test func unusualPositions() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.integers["bigs.embeddings.position_ids"]?.values.swapAt(0, 1)
        #expect(
            try edited.problems() == [.unusualPositions(tensor: "bigs.embeddings.position_ids")])
    }

    @Test func labelsMustFitTheClassifier() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.configuration["id2label"] = nil
        #expect(
            try edited.problems() == [
                .wrongShape(tensor: "classifier.weight", expected: [2, 16], got: [3, 16]),
                .wrongShape(tensor: "classifier.bias", expected: [2], got: [3]),
            ])
    }

    @Test func brokenConfigurationIsTheOnlyProblem() throws {
        let edited = try EditedCheckpoint(Self.torch)
        edited.configuration["hidden_size"] = -1
        #expect(
            try edited.problems() == [
                .configuration(
                    .outOfRange(field: "hidden_size", value: "-1", allowed: "1 to 65536"))
            ])
    }

    @Test func activationOfTheMaskedLMHead() throws {
        let edited = try EditedCheckpoint(Self.maskedLM)
        edited.configuration["hidden_act"] = "mish"
        #expect(try edited.problems() == [.unsupportedActivation(name: "mish")])
        // No other head reads it.
        let classifier = try EditedCheckpoint(Self.torch)
        classifier.configuration["hidden_act"] = "mish"
        #expect(try classifier.problems() == [])
    }

    @Test func tiedDecoder() throws {
        let edited = try EditedCheckpoint(Self.maskedLM)
        edited.tensors["cls.predictions.decoder.weight"] =
            edited.tensors["bigs.embeddings.word_embeddings.weight"]
        edited.tensors["cls.predictions.decoder.bias"] = edited.tensors["cls.predictions.bias"]
        #expect(try edited.problems() == [])
        edited.tensors["cls.predictions.decoder.weight"]?.values[5] += 1
        edited.tensors["cls.predictions.decoder.bias"]?.values[5] += 1
        #expect(
            try edited.problems() == [
                .conflict(tensor: "cls.predictions.decoder.bias", with: "cls.predictions.bias"),
                .conflict(
                    tensor: "cls.predictions.decoder.weight",
                    with: "bigs.embeddings.word_embeddings.weight"),
            ])
    }

    /// Tensors of PyTorch files are views: a small file could hold a model of any size.
    @Test func tensorsThatShareTheirNumbers() throws {
        let edited = try EditedCheckpoint(Self.maskedLM)
        #expect(try edited.problems { $0 } == [])
        let problems = try edited.problems { _ in "one" }
        guard case .sharedNumbers(let bytes, let stored) = problems.first, problems.count == 1
        else {
            Issue.record("\(problems)")
            return
        }
        #expect(bytes == edited.tensors.values.reduce(0) { $0 + 4 * $1.values.count })
        #expect(bytes > stored)
    }

    /// Saved by PyTorch after the decoder was given the embeddings' weight, whatever config.json says.
    @Test func anUntiedDecoderMayBeTheEmbeddings() throws {
        let edited = try EditedCheckpoint(Self.maskedLM)
        let words = "bigs.embeddings.word_embeddings.weight"
        let decoder = "cls.predictions.decoder.weight"
        edited.configuration["tie_word_embeddings"] = false
        edited.tensors[decoder] = edited.tensors[words]
        #expect(try edited.problems { $0 == decoder ? words : $0 } == [])
    }

    @Test func untiedDecoderIsNeeded() throws {
        let edited = try EditedCheckpoint(Self.maskedLM)
        edited.configuration["tie_word_embeddings"] = false
        #expect(
            try edited.problems() == [
                .missing(tensor: "cls.predictions.decoder.weight", shape: [256, 64])
            ])
    }

    @Test func reportOfAGoodModel() throws {
        let report = try BiGSModel.inspect(EditedCheckpoint(Self.torch).checkpoint())
        let summary = try #require(report.summary)
        #expect(report.problems.isEmpty)
        #expect(summary.head == .sequenceClassification && summary.hasPooler)
        #expect(summary.framework == .pytorch && summary.gelu == .erf)
        #expect(report.description.contains("labels: entailment, neutral, contradiction"))
        let model = try EditedCheckpoint(Self.torch).model()
        #expect(model.parameterCount == summary.parameterCount)
    }
}
