internal import Kernels

/// What turns hidden states into scores.
enum BiGSHead: Sendable {
    case none
    /// A dense layer on the pooler's output: sequence classification, multiple choice.
    case pooled(DenseProjection)
    /// A dense layer on every token: token classification, question answering (2 outputs).
    case perToken(DenseProjection)
    /// transform, LayerNorm and the decoder over the vocabulary.
    case maskedLM(MaskedLMHead)

    init(
        _ head: Head, outputs: Int, _ source: ParameterSource,
        _ configuration: BiGSConfiguration
    ) throws(ModelError) {
        let hidden = configuration.hiddenSize
        switch head {
        case .none: self = .none
        case .sequenceClassification, .multipleChoice:
            self = .pooled(try source.dense("classifier", from: hidden, to: outputs))
        case .tokenClassification:
            self = .perToken(try source.dense("classifier", from: hidden, to: outputs))
        case .questionAnswering:
            self = .perToken(try source.dense("qa_outputs", from: hidden, to: outputs))
        case .maskedLM: self = .maskedLM(try MaskedLMHead(source, configuration))
        }
    }

    /// Scores of the rows `range`, row-major: of the pooled vectors in `w.pooled` (a row is a text of
    /// the block) or of the hidden states in `w.h` (a row is a token); nil without a head. Computed
    /// a block of rows at a time, since a vocabulary is too wide for a whole text.
    func scores(_ range: Range<Int>, _ w: ModelWorkspace) -> [Float]? {
        var scores: [Float] = []
        scores.reserveCapacity(range.count * w.scores.columns)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: w.blockRows) {
            let rows = start..<min(start + w.blockRows, range.upperBound)
            switch self {
            case .none: return nil
            case .pooled(let dense):
                w.loadBlock(rows, of: w.pooled)
                dense.apply(w.block, into: w.scores)
            case .perToken(let dense):
                w.loadBlock(rows, of: w.h)
                dense.apply(w.block, into: w.scores)
            case .maskedLM(let head):
                w.loadBlock(rows, of: w.h)
                head.apply(w.block, into: w.scores, transformed: w.transformed)
            }
            scores += w.scores.copyRows(0..<rows.count)
        }
        return scores
    }
}

/// The masked LM head: decoder(LayerNorm(act(dense(h)))) + bias.
struct MaskedLMHead: Sendable {
    let dense: DenseProjection  //   [H, H], hidden_act
    let norm: LayerNorm
    let decoder: DenseProjection  // [H, vocabulary], the word embeddings where tied

    init(_ source: ParameterSource, _ configuration: BiGSConfiguration) throws(ModelError) {
        let hidden = configuration.hiddenSize
        let path = "cls.predictions"
        guard let activation = Activation(hiddenAct: configuration.hiddenActivation) else {
            throw .invalidModel([.unsupportedActivation(name: configuration.hiddenActivation)])
        }
        dense = try source.dense(
            "\(path).transform.dense", from: hidden, to: hidden, activation: activation)
        norm = try source.norm(
            "\(path).transform.LayerNorm", epsilon: configuration.layerNormEpsilon)
        let tied = configuration.tieWordEmbeddings
        decoder = DenseProjection(
            weight: try source.values(
                tied ? "embeddings.word_embeddings.weight" : "\(path).decoder.weight"),
            transposed: tied || source.isTransposed, bias: try source.values("\(path).bias"),
            inputs: hidden, outputs: configuration.vocabularySize, activation: .none)
    }

    /// Scores of the rows of `h` [R, H] to `scores` [R, vocabulary], through `transformed` [R, H].
    func apply(_ h: Matrix, into scores: Matrix, transformed: Matrix) {
        dense.apply(h, into: transformed)
        norm.apply(transformed, into: transformed)
        decoder.apply(transformed, into: scores)
    }
}
