internal import Kernels

/// Scores and pooled vectors of parts of a text, from means of states that a pass gave.
extension BiGSModel {
    /// Whether the pooler averages a text's own tokens alone, so that their mean is all it needs. Where it
    /// averages padding too, that has to be none.
    package var poolsOwnTokens: Bool { configuration.poolerType == .maskedMean }

    /// The raw scores of a head that judges pooled vectors, for each of `means`, [H]: what `forward` gives
    /// a text whose states have this mean, bit for bit. Nil without such a head. Runs on the calling
    /// thread and those that products share; any number of calls may run at once.
    package func scores(ofMeans means: [[Float]]) -> [[Float]]? {
        guard case .pooled(let dense) = scorer, let pooler else { return nil }
        return apply([pooler.dense, dense], to: means)
    }

    /// The pooler's output for each of `means`, [H], in the same way. Nil without a pooler.
    package func poolerOutputs(ofMeans means: [[Float]]) -> [[Float]]? {
        pooler.map { apply([$0.dense], to: means) }
    }

    private func apply(_ layers: [DenseProjection], to means: [[Float]]) -> [[Float]] {
        let hidden = configuration.hiddenSize
        let rows = min(max(means.count, 1), Self.meanRows)
        let input = Matrix(rowCapacity: rows, columns: hidden)
        let outputs = layers.map { Matrix(rowCapacity: rows, columns: $0.outputs) }
        var result: [[Float]] = []
        result.reserveCapacity(means.count)
        for start in stride(from: 0, to: means.count, by: Self.meanRows) {
            let block = means[start..<min(start + Self.meanRows, means.count)]
            input.rows = block.count
            for (row, mean) in block.enumerated() {
                precondition(mean.count == hidden, "a mean has as many numbers as a state")
                input.withRow(row) { _ = $0.update(fromContentsOf: mean) }
            }
            var last = input
            for (layer, output) in zip(layers, outputs) {
                layer.apply(last, into: output)
                last = output
            }
            result += (0..<block.count).map { last.copyRows($0..<$0 + 1) }
        }
        return result
    }

    /// Rows that go through pooler and head at a time.
    private static let meanRows = 128
}
