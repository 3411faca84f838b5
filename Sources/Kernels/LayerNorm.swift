internal import CKernels

/// Layer normalisation over the columns: (x - mean) / sqrt(variance + epsilon) * weight + bias.
package final class LayerNorm: Sendable {
    private let weight: [Float]
    private let bias: [Float]
    private let epsilon: Float

    /// The number of columns it normalises.
    package var columns: Int { weight.count }

    /// Scale and shift of each column.
    package init(weight: [Float], bias: [Float], epsilon: Float) {
        precondition(weight.count == bias.count && !weight.isEmpty, "scale and shift differ")
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }

    /// output = norm(input), row by row, in two passes (mean, then variance); sets `output.rows`.
    /// `output` may be `input`. The bits of a row do not depend on the other rows.
    package func apply(_ input: Matrix, into output: Matrix) {
        precondition(output.rowCapacity >= input.rows, "output has too few rows")
        let rows = 0..<input.rows
        output.rows = rows.count
        apply(input[rows], into: output[rows], in: .shared(rows))
    }

    /// The same of rows of float32 to rows of either kind, which may be the input.
    package func apply(_ input: Rows, into output: Rows, in tile: RowTile) {
        precondition(input.columns == columns && output.columns == columns, "shapes differ")
        precondition(input.count == output.count && input.stride == 4 * columns)
        func run(_ range: Range<Int>) {
            weight.withUnsafeBufferPointer { weight in
                bias.withUnsafeBufferPointer { bias in
                    bigs_layer_norm_to(
                        output.storage.native, input.floats + range.lowerBound * columns,
                        output.base + range.lowerBound * output.stride, output.stride,
                        range.count, columns, weight.baseAddress, bias.baseAddress, epsilon)
                }
            }
        }
        let begin = StageProfile.begin()
        if tile.isShared {
            RowBlocks.forEach(rows: input.count, columns: columns, run)
        } else {
            run(0..<input.count)
        }
        StageProfile.end(.norm, begin, in: tile, bytes: input.bytes + output.bytes)
    }
}

/// Rows cut into blocks that are worth a thread's while.
enum RowBlocks {
    private static let floatsPerBlock = 32_768

    static func forEach(rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
        let perBlock = max(1, floatsPerBlock / columns)
        let blocks = (rows + perBlock - 1) / perBlock
        Parallel.forEach(blocks, threads: ComputeThreads.count) { block, _ in
            let start = block * perBlock
            body(start..<min(start + perBlock, rows))
        }
    }
}
