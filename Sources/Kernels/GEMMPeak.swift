internal import CKernels
internal import COneDNN

/// The speed that oneDNN reaches on this machine on one large product: what forward passes are
/// measured against.
package enum GEMMPeak {
    /// GFLOP/s (2 * rows * inner * columns operations) of [rows, inner] x [inner, columns] with packed
    /// weights, no further operations, and oneDNN's own division among all threads: the best of at
    /// least 5 runs and 0.4 s. bfloat16 gives bfloat16, 8 bits (unsigned times signed) 32-bit sums.
    /// Nil where oneDNN has no such product.
    package static func measure(
        _ precision: Precision, rows: Int, inner: Int, columns: Int
    ) -> Double? {
        let types: (input: dnnl_data_type_t, weights: dnnl_data_type_t, output: dnnl_data_type_t) =
            switch precision {
            case .float32: (dnnl_f32, dnnl_f32, dnnl_f32)
            case .bfloat16: (dnnl_bf16, dnnl_bf16, dnnl_bf16)
            case .int8: (dnnl_u8, dnnl_s8, dnnl_s32)
            }
        var shape = bigs_matmul_shape(
            rows: Int64(rows), inner: Int64(inner), columns: Int64(columns), has_bias: 0,
            activation: 0, alpha: 0, input_type: Int32(types.input.rawValue),
            weights_type: Int32(types.weights.rawValue),
            output_type: Int32(types.output.rawValue))
        bigs_set_threads(Int32(ComputeThreads.count))
        defer { ComputeThreads.enter() }
        guard let layout = bigs_matmul_preferred_weights(OneDNN.engine, &shape) else { return nil }
        defer { bigs_descriptor_destroy(layout) }
        var status = dnnl_success
        guard let matmul = bigs_matmul_create(OneDNN.engine, &shape, layout, &status) else {
            return nil
        }
        defer { bigs_matmul_destroy(matmul) }
        // Every bit pattern of these is a small number in all of the types.
        func numbers(_ bytes: Int) -> FloatTable {
            let table = FloatTable(count: bytes / 4 + 16)
            for i in 0..<bytes / 4 { table.base[i] = Float(1 + i % 3) }
            return table
        }
        let weights = numbers(bigs_descriptor_bytes(layout))
        let (input, output) = (numbers(4 * rows * inner), FloatTable(count: rows * columns))
        let scratch = FloatTable(count: matmul.pointee.scratch_bytes / 4 + 16)
        guard let memory = bigs_memory_create(layout, OneDNN.engine, weights.base) else {
            return nil
        }
        defer { dnnl_memory_destroy(memory) }
        return withExtendedLifetime((weights, input, output, scratch)) {
            var buffers = bigs_matmul_buffers(
                input: input.base, weights: memory, bias: nil, output: output.base,
                scratch: scratch.base)
            guard bigs_matmul_run(matmul, &buffers) == dnnl_success else { return nil }
            let clock = ContinuousClock()
            var (best, total, runs) = (Duration.seconds(1e9), Duration.zero, 0)
            while runs < 5 || total < .milliseconds(400) {
                let time = clock.measure { _ = bigs_matmul_run(matmul, &buffers) }
                (best, total, runs) = (min(best, time), total + time, runs + 1)
            }
            return 2 * Double(rows) * Double(inner) * Double(columns) / (best / .nanoseconds(1))
        }
    }
}
