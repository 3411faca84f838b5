internal import Kernels

/// One batch on its way through a model, a step at a time: the embeddings, each layer, the outputs.
///
/// Between two steps everything that the pass knows lies in its workspace, so other passes, each
/// with a workspace of its own, may run in between; the results have the same bits as from
/// `BiGSModel.forward`. That is how a long document makes way for a short text: steps of different
/// passes alternate on one thread. Not Sendable: the thread that owns the workspace runs the steps.
/// A pass that is no longer wanted is simply dropped.
///
///     let pass = try model.begin(batch, workspace: workspace, outputs: [.meanPooled])
///     while pass.step() { /* here another pass may take a turn */ }
///     let output = pass.output
package final class ForwardPass {
    /// Steps not taken yet: `layerCount + 2` at first, 0 when `output` is complete. A layer's step
    /// takes about as long as every other's; the first and the last are short, unless scores of a
    /// masked language model are wanted.
    package private(set) var remainingSteps: Int
    /// The tokens of the batch: the cost of a step is in proportion to them.
    package var tokenCount: Int { layout.totalRows }
    /// The results so far; complete when no steps remain.
    package private(set) var output: ModelOutput

    private let model: BiGSModel
    private let batch: TokenBatch
    private let workspace: ModelWorkspace
    private let request: OutputRequest
    private let layout: SequenceLayout

    /// Of a batch that `model` has checked against `workspace`.
    init(
        _ model: BiGSModel, _ batch: TokenBatch, _ workspace: ModelWorkspace,
        _ request: OutputRequest
    ) {
        self.model = model
        self.batch = batch
        self.workspace = workspace
        self.request = request
        layout = SequenceLayout(lengths: batch.sequences.map(\.ids.count))
        remainingSteps = model.layers.count + 2
        output = ModelOutput(
            sequences: Array(repeating: SequenceOutput(), count: batch.sequences.count))
    }

    /// Takes the next step, if any remains; false when that was the last or none was left.
    package func step() -> Bool {
        guard remainingSteps > 0 else { return false }
        let step = model.layers.count + 2 - remainingSteps
        switch step {
        case 0:
            model.embeddings.apply(batch, workspace)
            recordHiddenStates()
        case 1...model.layers.count:
            model.layers[step - 1].apply(workspace, layout: layout)
            recordHiddenStates()
        default:
            model.finish(
                batch, workspace, layout: layout, request: request, &output.sequences)
        }
        remainingSteps -= 1
        return remainingSteps > 0
    }

    private func recordHiddenStates() {
        guard request.contains(.allHiddenStates) else { return }
        for index in output.sequences.indices {
            output.sequences[index].hiddenStates =
                (output.sequences[index].hiddenStates ?? [])
                + [workspace.h.copyRows(layout.range(index))]
        }
    }
}
