internal import CKernels

/// A weight matrix with its bias in the layout of this module's products: panels of 64 columns.
///
/// Sendable: written by `init`, only read afterwards.
final class PackedWeights: @unchecked Sendable {
    let precision: Precision
    let inputs: Int
    let outputs: Int
    let panels: Int
    private let unit: ProductUnit
    private let weights: FloatTable
    private let bias: FloatTable
    private let scales: FloatTable
    private let sums: UnsafeMutablePointer<Int32>

    /// Packs `weight`, [inputs, outputs] or, `transposed`, [outputs, inputs], on all threads.
    init(
        weight: UnsafeBufferPointer<Float>, transposed: Bool, bias: [Float]?, inputs: Int,
        outputs: Int, precision: Precision, unit: ProductUnit
    ) {
        precondition(weight.count == inputs * outputs && bias?.count ?? outputs == outputs)
        self.precision = precision
        self.unit = unit
        self.inputs = inputs
        self.outputs = outputs
        let width = Int(BIGS_PANEL_COLUMNS)
        let panels = (outputs + width - 1) / width
        self.panels = panels
        weights = FloatTable(
            uninitialized: bigs_packed_bytes(precision.native, inputs, outputs) / 4)
        self.bias = FloatTable(count: panels * width)
        scales = FloatTable(count: precision == .int8 ? panels * width : 0)
        sums = .allocate(capacity: panels * width)
        sums.initialize(repeating: 0, count: panels * width)
        if let bias { for (i, value) in bias.enumerated() { self.bias.base[i] = value } }
        Parallel.run(
            PackLoop(packed: self, weight: weight.baseAddress, transposed: transposed),
            count: panels, threads: ComputeThreads.count)
    }

    private struct PackLoop: ParallelLoop {
        let packed: PackedWeights
        let weight: UnsafePointer<Float>?
        let transposed: Bool

        func run(item panel: Int, worker: Int) {
            let (inputs, outputs) = (packed.inputs, packed.outputs)
            bigs_pack(
                packed.precision.native, weight, transposed ? 1 : outputs,
                transposed ? inputs : 1, inputs, outputs, panel, packed.weights.base,
                packed.scales.base, packed.sums)
        }
    }

    deinit { sums.deallocate() }

    /// The product's description without its rows.
    var product: bigs_product {
        var product = bigs_product()
        product.type = precision.native
        product.uses_tiles = unit.usesTiles ? 1 : 0
        product.rounds_at_once = unit.roundsAtOnce ? 1 : 0
        product.inner = inputs
        product.columns = outputs
        product.weights = UnsafeRawPointer(weights.base)
        product.bias = UnsafePointer(bias.base)
        product.column_scales = UnsafePointer(scales.base)
        product.column_sums = UnsafePointer(sums)
        return product
    }

    /// Where a panel begins.
    func panel(_ index: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(weights.base)
            + index * bigs_packed_bytes(precision.native, inputs, Int(BIGS_PANEL_COLUMNS))
    }
}
