internal import Kernels

/// tanh(dense(mean of the hidden states)): one vector per text.
struct BiGSPooler: Sendable {
    let dense: DenseProjection
    let type: BiGSConfiguration.PoolerType

    init(_ source: ParameterSource, _ configuration: BiGSConfiguration) throws(ModelError) {
        let hidden = configuration.hiddenSize
        dense = try source.dense("pooler.dense", from: hidden, to: hidden, activation: .tanh)
        type = configuration.poolerType
    }

    /// Leaves the pooled vectors of some texts in `w.pooled`; reads `w.h`, overwrites `w.means`.
    func apply(
        _ batch: TokenBatch, texts: Range<Int>, _ w: ModelWorkspace, layout: SequenceLayout
    ) {
        MaskedMean.apply(
            batch, texts: texts, of: w.h, layout: layout, isWeighted: type == .maskedMean,
            into: w.means)
        dense.apply(w.means, into: w.pooled)
    }
}

/// Means of rows over an attention mask: sum(m x) / sum(m), NaN where the mask is all 0.
enum MaskedMean {
    /// Writes one row per text of `texts` to `output`; without weights every row counts once.
    static func apply(
        _ batch: TokenBatch, texts: Range<Int>, of rows: Matrix, layout: SequenceLayout,
        isWeighted: Bool = true, into output: Matrix
    ) {
        Elementwise.meanRows(
            rows, of: texts, in: layout,
            weights: isWeighted ? batch.sequences[texts].map(\.attentionMask) : nil, into: output)
    }
}
