internal import Checkpoints
package import Kernels

/// How to run a checkpoint where its files leave a choice.
package struct ModelOptions: Sendable {
    /// The form of GELU in the encoder; nil takes that of the framework that saved the checkpoint.
    package var gelu: GELUForm?
    /// The type that the encoder's layers compute in; where the processor lacks the instructions for
    /// it, they compute in float32. Pooler and heads are float32 always.
    package var dtype: Precision

    /// Nil takes the form of the framework that saved the checkpoint.
    package init(gelu: GELUForm? = nil, dtype: Precision = .float32) {
        self.gelu = gelu
        self.dtype = dtype
    }
}

/// A BiGS encoder with its head. Immutable: any number of threads may run it, each with a workspace
/// of its own. Whatever the type it computes in, its outputs are float32.
package final class BiGSModel: Sendable {
    /// What config.json says.
    package let configuration: BiGSConfiguration
    /// What the model ends with.
    package let head: Head
    /// The form of GELU in the encoder.
    package let gelu: GELUForm
    /// The type that the encoder's layers compute in, here: what was asked for, or float32 where the
    /// processor has no instructions for that.
    package let dtype: Precision
    /// Whether there is a `poolerOutput`.
    package let hasPooler: Bool
    /// Numbers in the tensors that the model is made of.
    package let parameterCount: Int

    let embeddings: BiGSEmbeddings
    let layers: [BiGSLayer]
    let pooler: BiGSPooler?
    let scorer: BiGSHead
    private let outputs: Int

    /// Makes the parts from `source`, which holds every tensor of `table`.
    init(
        _ configuration: BiGSConfiguration, head: Head, outputs: Int, gelu: GELUForm,
        dtype: Precision, preNorm: Bool, addsPositions: Bool, hasPooler: Bool,
        table: ParameterTable, source: ParameterSource
    ) throws(ModelError) {
        self.configuration = configuration
        self.head = head
        self.outputs = outputs
        self.gelu = gelu
        self.hasPooler = hasPooler
        let dtype = dtype.resolved
        self.dtype = dtype
        parameterCount = table.parameterCount
        embeddings = try BiGSEmbeddings(source, configuration, addsPositions: addsPositions)
        var layers: [BiGSLayer] = []
        for index in 0..<configuration.layerCount {
            layers.append(
                try source.layer(
                    index, configuration, gelu: gelu, preNorm: preNorm, dtype: dtype))
        }
        self.layers = layers
        pooler = hasPooler ? try BiGSPooler(source, configuration) : nil
        scorer = try BiGSHead(head, outputs: outputs, source, configuration)
    }

    /// Buffers for batches of up to `tokenCapacity` tokens.
    package func makeWorkspace(tokenCapacity: Int) -> ModelWorkspace {
        ModelWorkspace(
            configuration, precision: dtype, tokenCapacity: tokenCapacity, scoreColumns: outputs)
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
    /// `workspace` is its own. A step within a layer has `stepWork` multiplications at least.
    package func begin(
        _ batch: TokenBatch, workspace: ModelWorkspace, outputs request: OutputRequest,
        stepWork: Int = ForwardPass.stepWork
    ) throws(ModelError) -> ForwardPass {
        try check(batch, workspace)
        return ForwardPass(self, batch, workspace, request, stepWork: stepWork)
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
        for start in stride(from: 0, to: results.count, by: w.blockRows) {
            let texts = start..<min(start + w.blockRows, results.count)
            finish(batch, texts: texts, w, layout: layout, request: request, &results)
        }
    }

    /// The same for some texts, of those results that a text has one row of; and their scores.
    private func finish(
        _ batch: TokenBatch, texts: Range<Int>, _ w: ModelWorkspace, layout: SequenceLayout,
        request: OutputRequest, _ results: inout [SequenceOutput]
    ) {
        if request.contains(.meanPooled) {
            MaskedMean.apply(batch, texts: texts, of: w.h, layout: layout, into: w.means)
            for (row, index) in texts.enumerated() {
                results[index].meanPooled = w.means.copyRows(row..<row + 1)
            }
        }
        let wantsScores = request.contains(.logits)
        if let pooler, request.contains(.poolerOutput) || (wantsScores && head.needsPooler) {
            pooler.apply(batch, texts: texts, w, layout: layout)
            if request.contains(.poolerOutput) {
                for (row, index) in texts.enumerated() {
                    results[index].poolerOutput = w.pooled.copyRows(row..<row + 1)
                }
            }
        }
        if wantsScores {
            for (row, index) in texts.enumerated() {
                let rows = head.needsPooler ? row..<row + 1 : layout.range(index)
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
            guard w.fits(configuration, precision: dtype, scoreColumns: outputs) else {
                throw .foreignWorkspace
            }
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
