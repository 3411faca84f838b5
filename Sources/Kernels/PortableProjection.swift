internal import CKernels
internal import COneDNN

/// A dense layer through oneDNN, in float32: on processors that the products of this module have no
/// instructions for.
///
/// The weights are packed once, at init, into the layout that oneDNN's product prefers.
/// The result is cut into tiles (`ProductTiling`, `TileHeights`), each made on one thread, so a row has
/// the same bits whatever the number of rows and of threads.
///
/// Sendable: immutable after init; oneDNN's memory objects are only read.
final class PortableProjection: @unchecked Sendable {
    private let inputs: Int
    private let outputs: Int

    private let activation: Activation
    private let panels: [WeightPanel]
    private let heights: [TileHeights]
    private let hasBias: Bool

    /// Packs the weights as `DenseProjection` does; `weight` may be freed afterwards.
    init(
        weight: [Float], transposed: Bool, bias: [Float]?, inputs: Int, outputs: Int,
        activation: Activation
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.activation = activation
        hasBias = bias != nil
        ComputeThreads.enter()
        panels = ProductTiling.columnRanges(outputs).map { columns in
            WeightPanel(
                weight: weight, transposed: transposed, bias: bias, inputs: inputs,
                outputs: outputs, columns: columns)
        }
        heights = panels.map { TileHeights.of(inputs: inputs, outputs: $0.columns.count) }
    }

    /// As `DenseProjection.apply`, of contiguous rows of float32 with room for a multiple of 16.
    /// Allocates only the first time that a tile of some number of rows is seen.
    func apply(_ input: Rows, into output: Rows, multiplier: Rows?, residual: Rows?) {
        for rows in [input, output, multiplier, residual] {
            guard let rows else { continue }
            precondition(rows.storage == .float32 && rows.stride == 4 * rows.columns)
        }
        ComputeThreads.enter()
        let tiling = ProductTiling(rows: input.count, inner: inputs, columns: outputs)
        Parallel.run(
            TileLoop(
                projection: self, tiling: tiling, input: input, output: output,
                multiplier: multiplier, residual: residual),
            count: tiling.rowTiles * panels.count, threads: tiling.threads)
    }

    private struct TileLoop: ParallelLoop {
        let projection: PortableProjection
        let tiling: ProductTiling
        let input: Rows
        let output: Rows
        let multiplier: Rows?
        let residual: Rows?

        func run(item: Int, worker: Int) {
            // Tiles of one panel follow each other: its weights stay in the cache.
            let panel = item / tiling.rowTiles
            var rest = tiling.rowRange(item % tiling.rowTiles)
            while !rest.isEmpty {
                let height = projection.heights[panel].largest(upTo: rest.count)
                let end = rest.lowerBound + height
                projection.apply(
                    projection.panels[panel], rows: rest.lowerBound..<end, input.floats,
                    output.floats, multiplier?.floats, residual?.floats)
                rest = end..<rest.upperBound
            }
        }
    }

    /// One tile: the product into scratch memory, which stays in the cache, and from there to its place.
    /// (oneDNN 2.6 has no fast product whose result's rows are not contiguous.)
    private func apply(
        _ panel: WeightPanel, rows: Range<Int>, _ input: UnsafeMutablePointer<Float>,
        _ output: UnsafeMutablePointer<Float>, _ multiplier: UnsafeMutablePointer<Float>?,
        _ residual: UnsafeMutablePointer<Float>?
    ) {
        let columns = panel.columns.count
        let offset = rows.lowerBound * outputs + panel.columns.lowerBound
        let direct = columns == outputs && multiplier == nil && residual == nil
        let scratch = direct ? nil : ScratchPool.shared.take(bytes: 4 * rows.count * columns)
        let shape = ProductShape(
            rows: rows.count, inner: inputs, columns: columns, hasBias: hasBias,
            activation: activation)
        ProductCache.shared.product(shape).run(
            Product.Buffers(
                input: input + rows.lowerBound * inputs, weights: panel.weights,
                bias: panel.bias, output: scratch?.base ?? output + offset))
        guard let scratch else { return }
        bigs_combine(
            scratch.base, columns, multiplier.map { $0 + offset },
            residual.map { $0 + offset }, output + offset, outputs, rows.count, columns)
        ScratchPool.shared.put(scratch)
    }
}

/// How a product [rows, inner] x [inner, columns] is cut into tiles.
///
/// Panels of columns are fixed when weights are packed. The rows of a tile are a multiple of 16, so
/// few primitives exist; the number depends on rows and threads, the bits of the result do not.
struct ProductTiling {
    let rows: Int
    let threads: Int
    let rowTiles: Int
    private let tileRows: Int

    static let panelColumns = 256
    static let largestTile = 256

    init(rows: Int, inner: Int, columns: Int) {
        let panels = Self.columnRanges(columns).count
        let threads = ProductWork.threads(rows: rows, inner: inner, columns: columns)
        // A few tiles for each thread, so that one that is held up does not hold up all.
        let wanted = threads == 1 ? 1 : (3 * threads + panels - 1) / panels
        tileRows = min(Self.largestTile, Matrix.padded(max(1, (rows + wanted - 1) / wanted)))
        self.rows = rows
        self.threads = threads
        rowTiles = (rows + tileRows - 1) / tileRows
    }

    /// The rows of a tile; the last is padded to a multiple of 16, for which matrices have room.
    func rowRange(_ tile: Int) -> Range<Int> {
        let start = tile * tileRows
        return start..<min(start + tileRows, Matrix.padded(rows))
    }

    /// The columns of each panel.
    static func columnRanges(_ columns: Int) -> [Range<Int>] {
        stride(from: 0, to: columns, by: panelColumns).map { start in
            start..<min(start + panelColumns, columns)
        }
    }
}
