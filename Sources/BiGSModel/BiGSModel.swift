internal import Checkpoints
internal import Kernels

/// How to run a checkpoint where its files leave a choice.
package struct ModelOptions: Sendable {
    /// The form of GELU in the encoder; nil takes that of the framework that saved the checkpoint.
    package var gelu: GELUForm?

    package init(gelu: GELUForm? = nil) { self.gelu = gelu }
}

/// A BiGS encoder with its head, in float32. Immutable: any number of threads may run it, each
/// with a workspace of its own.
package final class BiGSModel: Sendable {
    package let configuration: BiGSConfiguration
    package let head: Head
    /// The form of GELU in the encoder.
    package let gelu: GELUForm
    /// Whether there is a `poolerOutput`.
    package let hasPooler: Bool
    /// Numbers in the tensors that the model is made of.
    package let parameterCount: Int

    let embeddings: BiGSEmbeddings
    let layers: [BiGSLayer]
    private let pooler: BiGSPooler?
    private let scorer: BiGSHead
    private let outputs: Int

    /// Makes the parts from `source`, which holds every tensor of `table`.
    init(
        _ configuration: BiGSConfiguration, head: Head, outputs: Int, gelu: GELUForm,
        preNorm: Bool, addsPositions: Bool, hasPooler: Bool, table: ParameterTable,
        source: ParameterSource
    ) throws(ModelError) {
        self.configuration = configuration
        self.head = head
        self.outputs = outputs
        self.gelu = gelu
        self.hasPooler = hasPooler
        parameterCount = table.parameterCount
        embeddings = try BiGSEmbeddings(source, configuration, addsPositions: addsPositions)
        var layers: [BiGSLayer] = []
        for index in 0..<configuration.layerCount {
            layers.append(
                try source.layer(index, configuration, gelu: gelu, preNorm: preNorm))
        }
        self.layers = layers
        pooler = hasPooler ? try BiGSPooler(source, configuration) : nil
        scorer = try BiGSHead(head, outputs: outputs, source, configuration)
    }

    /// Buffers for batches of up to `tokenCapacity` tokens.
    package func makeWorkspace(tokenCapacity: Int) -> ModelWorkspace {
        ModelWorkspace(configuration, tokenCapacity: tokenCapacity, scoreColumns: outputs)
    }

    /// Runs the texts of `batch` through the model. The results of a text are the same bytes in
    /// any batch. Throws `ModelError.input` for a batch that the model or the workspace cannot
    /// take; ids, types and positions outside the tables are named.
    package func forward(
        _ batch: TokenBatch, workspace: ModelWorkspace, outputs request: OutputRequest
    ) throws(ModelError) -> ModelOutput {
        let pass = try begin(batch, workspace: workspace, outputs: request)
        while pass.step() {}
        return pass.output
    }

    /// A forward pass to be run in steps, between which passes on other workspaces may run. Throws as
    /// `forward` does, and then has not touched the workspace. Until the pass is done or dropped,
    /// `workspace` is its own.
    package func begin(
        _ batch: TokenBatch, workspace: ModelWorkspace, outputs request: OutputRequest
    ) throws(ModelError) -> ForwardPass {
        try check(batch, workspace)
        return ForwardPass(self, batch, workspace, request)
    }

    /// Makes what `request` asks for of the last layer's rows in `w.h`.
    func finish(
        _ batch: TokenBatch, _ w: ModelWorkspace, layout: SequenceLayout, request: OutputRequest,
        _ results: inout [SequenceOutput]
    ) {
        if request.contains(.lastHiddenState) {
            for index in results.indices {
                results[index].lastHiddenState = w.h.copyRows(layout.range(index))
            }
        }
        if request.contains(.meanPooled) {
            MaskedMean.apply(batch, of: w.h, layout: layout, into: w.x)
            for index in results.indices {
                results[index].meanPooled = w.x.copyRows(index..<index + 1)
            }
        }
        let wantsScores = request.contains(.logits)
        if let pooler, request.contains(.poolerOutput) || (wantsScores && head.needsPooler) {
            pooler.apply(batch, w, layout: layout)
            if request.contains(.poolerOutput) {
                for index in results.indices {
                    results[index].poolerOutput = w.u.copyRows(index..<index + 1)
                }
            }
        }
        if wantsScores {
            for index in results.indices {
                let rows = head.needsPooler ? index..<index + 1 : layout.range(index)
                let scores =
                    if !head.needsPooler, let wanted = batch.sequences[index].scoredRows {
                        self.scores(ofRows: wanted.map { $0 + rows.lowerBound }, w)
                    } else {
                        scorer.scores(rows, w)
                    }
                if let scores { set(scores, &results[index]) }
            }
        }
    }

    private func check(_ batch: TokenBatch, _ w: ModelWorkspace) throws(ModelError) {
        do throws(InputError) {
            try batch.validate(for: configuration)
            guard w.fits(configuration, scoreColumns: outputs) else { throw .foreignWorkspace }
            guard batch.tokenCount <= w.tokenCapacity else {
                throw InputError.overCapacity(tokens: batch.tokenCount, capacity: w.tokenCapacity)
            }
        } catch {
            throw .input(error)
        }
    }

    /// The head's scores of single rows of the batch, one after the other; nil without a head.
    private func scores(ofRows rows: [Int], _ w: ModelWorkspace) -> [Float]? {
        var scores: [Float] = []
        for row in rows {
            guard let next = scorer.scores(row..<row + 1, w) else { return nil }
            scores += next
        }
        return scores
    }

    /// Puts one text's scores where its head keeps them.
    private func set(_ scores: [Float], _ result: inout SequenceOutput) {
        switch head {
        case .none: break
        case .questionAnswering:
            result.startLogits = stride(from: 0, to: scores.count, by: 2).map { scores[$0] }
            result.endLogits = stride(from: 1, to: scores.count, by: 2).map { scores[$0] }
        case .sequenceClassification, .multipleChoice:
            result.logits = scores
            result.logitsShape = [outputs]
        case .maskedLM, .tokenClassification:
            result.logits = scores
            result.logitsShape = [scores.count / outputs, outputs]
        }
    }
}
