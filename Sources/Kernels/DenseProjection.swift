internal import CKernels

/// A dense layer: output = activation(input W + b), then an optional product and sum.
///
/// The weights are packed once, at init. Every element is summed in one register, or one tile of the
/// matrix unit, in one order, so a row has the same bits whatever the number of rows, tiles and threads.
package final class DenseProjection: Sendable {
    /// The number of columns of the input.
    package let inputs: Int
    /// The number of columns of the output.
    package let outputs: Int
    /// How weights are kept, and the input multiplied.
    package let precision: Precision

    private enum Implementation {
        case vectors(PackedWeights)
        case portable(PortableProjection)
    }

    private let activation: Activation
    private let stage: Stage
    private let implementation: Implementation

    /// Packs the weights; `weight` may be freed afterwards.
    ///
    /// - Parameters:
    ///   - weight: [inputs, outputs] row-major (a Flax kernel), or [outputs, inputs] where
    ///     `transposed` (a PyTorch weight).
    ///   - bias: `outputs` numbers, or nil.
    ///   - precision: must be what this processor runs (`Precision.resolved`).
    ///   - stage: what a profile counts it as.
    package convenience init(
        weight: [Float], transposed: Bool, bias: [Float]?, inputs: Int, outputs: Int,
        activation: Activation, precision: Precision = .float32, stage: Stage = .head
    ) {
        self.init(
            weight: weight, transposed: transposed, bias: bias, inputs: inputs, outputs: outputs,
            activation: activation, precision: precision, stage: stage,
            unit: ProductUnit(precision))
    }

    /// The same with instructions of choice, which this processor must have.
    init(
        weight: [Float], transposed: Bool, bias: [Float]?, inputs: Int, outputs: Int,
        activation: Activation, precision: Precision, stage: Stage, unit: ProductUnit
    ) {
        precondition(inputs > 0 && outputs > 0 && weight.count == inputs * outputs)
        precondition(bias == nil || bias?.count == outputs)
        precondition(precision == precision.resolved, "this processor has no such products")
        self.inputs = inputs
        self.outputs = outputs
        self.activation = activation
        self.stage = stage
        self.precision = precision
        if Processor.isVectorised {
            implementation = weight.withUnsafeBufferPointer { weight in
                .vectors(
                    PackedWeights(
                        weight: weight, transposed: transposed, bias: bias, inputs: inputs,
                        outputs: outputs, precision: precision, unit: unit))
            }
        } else {
            implementation = .portable(
                PortableProjection(
                    weight: weight, transposed: transposed, bias: bias, inputs: inputs,
                    outputs: outputs, activation: activation))
        }
    }

    /// output = activation(input W + b), elementwise times `multiplier`, then plus `residual`.
    ///
    /// All have as many rows. `input` is stored as `precision` stores activations, `multiplier` as
    /// `output` is; a residual is float32 and needs a float32 output. `multiplier` and `residual`
    /// may be `output`, `input` may not. Allocates only while sizes are new.
    package func apply(
        _ input: Rows, into output: Rows, multiplier: Rows? = nil, residual: Rows? = nil,
        in tile: RowTile
    ) {
        precondition(input.columns == inputs && output.columns == outputs, "shapes differ")
        precondition(input.storage == precision.storage, "the input is stored otherwise")
        precondition(input.base != output.base && input.count == output.count)
        precondition(multiplier?.isLike(output) ?? true, "shapes differ")
        precondition(residual?.isLike(output) ?? true, "shapes differ")
        precondition(residual == nil || output.storage == .float32, "a sum is float32")
        precondition(output.storage == .float32 || precision != .float32, "nothing to round by")
        var begin = StageProfile.begin()
        defer {
            StageProfile.end(
                stage, begin, in: tile,
                bytes: weightBytes + input.bytes + output.bytes + (multiplier?.bytes ?? 0)
                    + (residual?.bytes ?? 0))
        }
        switch implementation {
        case .portable(let projection):
            projection.apply(input, into: output, multiplier: multiplier, residual: residual)
        case .vectors(let weights):
            var product = weights.product
            product.output_type = output.storage.native
            product.activation = activation.native
            product.input = UnsafeRawPointer(input.base)
            product.input_stride = input.stride
            product.output = output.base
            product.output_stride = output.stride
            product.multiplier = multiplier.map { UnsafeRawPointer($0.base) }
            product.multiplier_stride = multiplier?.stride ?? 0
            product.residual = residual.map { UnsafeRawPointer($0.base) }
            product.residual_stride = residual?.stride ?? 0
            if precision == .int8 {
                let quantized = QuantizedRows(input, in: tile)
                StageProfile.end(.quantize, begin, in: tile, bytes: input.bytes * 3 / 2)
                begin = StageProfile.begin()
                product.input = UnsafeRawPointer(quantized.numbers)
                product.input_stride = quantized.stride
                product.scales = UnsafePointer(quantized.scales)
                product.zeros = UnsafePointer(quantized.zeros)
                run(product, weights, rows: input.count, in: tile)
                quantized.release()
            } else {
                run(product, weights, rows: input.count, in: tile)
            }
        }
    }

    private var weightBytes: Int {
        let size = precision == .float32 ? 4 : precision == .bfloat16 ? 2 : 1
        return size * inputs * outputs
    }

    private func run(
        _ product: bigs_product, _ weights: PackedWeights, rows: Int, in tile: RowTile
    ) {
        guard rows > 0 else { return }
        let panels = weights.panels
        withUnsafePointer(to: product) { product in
            guard tile.isShared else {
                bigs_product_run(product, 0, rows, 0, panels, nil)
                return
            }
            let threads = ProductWork.threads(rows: rows, inner: inputs, columns: outputs)
            let blocks = ProductWork.rowBlocks(
                rows: rows, panels: panels, threads: threads,
                unit: product.pointee.uses_tiles != 0 ? 32 : 6)
            Parallel.run(
                BlockLoop(
                    product: product, weights: weights, rows: rows, blocks: blocks,
                    threads: threads),
                count: blocks * panels, threads: threads)
        }
    }

    /// One block of rows of one panel. Those of a panel follow each other: threads read it together.
    private struct BlockLoop: ParallelLoop {
        let product: UnsafePointer<bigs_product>
        let weights: PackedWeights
        let rows: Int
        let blocks: Int
        let threads: Int

        func run(item: Int, worker: Int) {
            let (panel, block) = (item / blocks, item % blocks)
            let (start, end) = (rows * block / blocks, rows * (block + 1) / blocks)
            let next = (item + threads) / blocks
            bigs_product_run(
                product, start, end - start, panel, 1,
                next > panel && next < weights.panels ? weights.panel(next) : nil)
        }
    }

    /// The same of whole matrices of float32, on all threads; sets `output.rows`.
    package func apply(
        _ input: Matrix, into output: Matrix, multiplier: Matrix? = nil, residual: Matrix? = nil
    ) {
        let rows = 0..<input.rows
        precondition(output.rowCapacity >= rows.count, "output has too few rows")
        for other in [multiplier, residual] {
            guard let other else { continue }
            precondition(other.rows == rows.count, "shapes differ")
        }
        output.rows = rows.count
        apply(
            input[rows], into: output[rows], multiplier: multiplier?[rows],
            residual: residual?[rows], in: .shared(rows))
    }
}

/// How many threads a product is worth.
enum ProductWork {
    /// Work that is over before other threads have started: 2 * rows * inner * columns.
    private static let operationsPerThread = 2_000_000

    static func threads(rows: Int, inner: Int, columns: Int) -> Int {
        let operations = 2 * rows * inner * columns
        return max(1, min(ComputeThreads.count, operations / operationsPerThread))
    }

    /// Into how many blocks rows are cut where threads share panels of weights out: what is over first if
    /// a thread takes for each item as long as for its rows, and as long as for `unit` more to bring the
    /// panel in. `unit` is how many rows the kernel goes over the weights for at a time, and so the
    /// fewest that a block is worth.
    static func rowBlocks(rows: Int, panels: Int, threads: Int, unit: Int) -> Int {
        let most = min(rows / unit, (4 * threads + panels - 1) / panels)
        var best = (blocks: 1, time: Int.max)
        for blocks in 1...max(1, most) {
            let height = (rows + blocks - 1) / blocks
            let rounds = (blocks * panels + threads - 1) / threads
            let time = rounds * ((height + unit - 1) / unit + 1)
            if time < best.time { best = (blocks, time) }
        }
        return best.blocks
    }
}
