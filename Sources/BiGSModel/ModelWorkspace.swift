internal import Kernels

/// Every buffer of a forward pass, allocated once and used again by each layer and each batch.
/// Not Sendable: whoever runs forward passes owns one, and one pass at a time uses it.
package final class ModelWorkspace {
    /// The most tokens that one batch may have.
    package let tokenCapacity: Int

    /// The most rows, of texts or of tokens, that pooler and head take at a time.
    let blockRows: Int

    let ids: RowNumbers  //         [T] words
    let typeIDs: RowNumbers  //     [T] their types
    let positionIDs: RowNumbers  // [T] their positions
    let h: Matrix  // [T, H] the residual stream
    let x: Activations  //  [T, H] normalised
    let uf: Activations  // [T, H] the forward recurrence's input, then its output
    let ub: Activations  // [T, H] the backward recurrence's
    let means: Matrix  //       [texts of a block, H]
    let pooled: Matrix  //      [texts of a block, H]
    let block: Matrix  //       [rows of a block, H] rows to be scored
    let transformed: Matrix  // [rows of a block, H] on their way through a head
    let scores: Matrix  //      [rows of a block, outputs of the head]
    let convolution: ConvolutionWorkspace

    private let configuration: BiGSConfiguration
    let precision: Precision
    private var tiles: [(c: Activations, v: Activations)] = []

    /// Buffers for `tokenCapacity` tokens; `scoreColumns` is the width of the head's output.
    init(
        _ configuration: BiGSConfiguration, precision: Precision, tokenCapacity: Int,
        scoreColumns: Int
    ) {
        precondition(tokenCapacity > 0, "a workspace holds at least one token")
        self.configuration = configuration
        self.precision = precision
        self.tokenCapacity = tokenCapacity
        blockRows = min(tokenCapacity, 128)
        ids = RowNumbers(capacity: tokenCapacity)
        typeIDs = RowNumbers(capacity: tokenCapacity)
        positionIDs = RowNumbers(capacity: tokenCapacity)
        let hidden = configuration.hiddenSize
        h = Matrix(rowCapacity: tokenCapacity, columns: hidden)
        func rows() -> Activations {
            Activations(rowCapacity: tokenCapacity, columns: hidden, precision: precision)
        }
        (x, uf, ub) = (rows(), rows(), rows())
        means = Matrix(rowCapacity: blockRows, columns: hidden)
        pooled = Matrix(rowCapacity: blockRows, columns: hidden)
        block = Matrix(rowCapacity: blockRows, columns: hidden)
        transformed = Matrix(rowCapacity: blockRows, columns: hidden)
        scores = Matrix(rowCapacity: blockRows, columns: max(scoreColumns, 1))
        convolution = ConvolutionWorkspace(
            maximumLength: min(tokenCapacity, configuration.maximumPositions))
        reserve(RowTiles(rows: tokenCapacity, precision: precision))
    }

    /// Makes the buffers of the tiles in flight, where those at hand are too few or, made for fewer
    /// threads, too small.
    func reserve(_ plan: RowTiles) {
        for worker in 0..<plan.workers {
            let needed = plan.tallest(worker: worker)
            if worker < tiles.count && tiles[worker].c.rowCapacity >= needed { continue }
            let rows = max(
                needed,
                RowTiles.tallest(worker: worker, capacity: tokenCapacity, precision: precision))
            func buffer(_ columns: Int) -> Activations {
                Activations(rowCapacity: rows, columns: columns, precision: precision)
            }
            let (c, v) = (
                buffer(configuration.hiddenSize), buffer(configuration.intermediateSize)
            )
            if worker < tiles.count { tiles[worker] = (c, v) } else { tiles.append((c, v)) }
        }
    }

    /// A tile's gated context, [t, H].
    func c(_ tile: RowTile) -> Rows { tiles[tile.worker].c[0..<tile.rows.count] }

    /// A tile's gate, [t, I].
    func v(_ tile: RowTile) -> Rows { tiles[tile.worker].v[0..<tile.rows.count] }

    /// Copies the rows `range` of `source` to `block`.
    func loadBlock(_ range: Range<Int>, of source: Matrix) {
        block.rows = range.count
        Elementwise.copyRows(source, range: range, into: block, at: 0)
    }

    /// True when this workspace was made for a model of this size.
    func fits(
        _ configuration: BiGSConfiguration, precision: Precision, scoreColumns: Int
    ) -> Bool {
        h.columns == configuration.hiddenSize && self.precision == precision
            && self.configuration.intermediateSize == configuration.intermediateSize
            && scores.columns == max(scoreColumns, 1)
    }
}
