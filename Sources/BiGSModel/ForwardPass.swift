internal import Kernels

/// One batch on its way through a model, a step at a time: the embeddings, each layer in one or several
/// steps, the outputs.
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
    /// Multiplications that are worth a step of their own: a hundredth of a second or less where there is
    /// a matrix unit, some hundredths elsewhere.
    package static let stepWork = 4_000_000_000

    /// Steps not taken yet, 0 when `output` is complete. They take about as long each; those of the
    /// recurrences are shorter, the first and the last as well, unless scores of a masked language model
    /// are wanted.
    package var remainingSteps: Int { count - taken }
    /// The tokens of the batch: the cost of a step is in proportion to them.
    package var tokenCount: Int { layout.totalRows }
    /// The results so far; complete when no steps remain.
    package private(set) var output: ModelOutput

    private let model: BiGSModel
    private let batch: TokenBatch
    private let workspace: ModelWorkspace
    private let request: OutputRequest
    private let layout: SequenceLayout
    private let tiles: RowTiles
    /// Those of every layer.
    private let steps: [BiGSLayer.Step]
    private var taken = 0
    private var count: Int { model.layers.count * steps.count + 2 }

    /// Of a batch that `model` has checked against `workspace`.
    init(
        _ model: BiGSModel, _ batch: TokenBatch, _ workspace: ModelWorkspace,
        _ request: OutputRequest, stepWork: Int
    ) {
        self.model = model
        self.batch = batch
        self.workspace = workspace
        self.request = request
        layout = SequenceLayout(lengths: batch.sequences.map(\.ids.count))
        tiles = RowTiles(rows: layout.totalRows, precision: workspace.precision)
        steps = BiGSLayer.steps(
            tokens: layout.totalRows, tiles: tiles, model.configuration, work: stepWork)
        workspace.reserve(tiles)
        output = ModelOutput(
            sequences: Array(repeating: SequenceOutput(), count: batch.sequences.count))
    }

    /// Takes the next step, if any remains; false when that was the last or none was left.
    package func step() -> Bool {
        guard remainingSteps > 0 else { return false }
        taken += 1
        if taken == 1 {
            model.embeddings.apply(batch, workspace)
            recordHiddenStates()
        } else if taken == count {
            model.finish(
                batch, workspace, layout: layout, request: request, &output.sequences)
        } else {
            let (layer, step) = (taken - 2).quotientAndRemainder(dividingBy: steps.count)
            model.layers[layer].take(steps[step], workspace, layout: layout, tiles: tiles)
            if step == steps.count - 1 { recordHiddenStates() }
        }
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
