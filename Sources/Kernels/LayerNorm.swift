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
        let begin = StageProfile.begin()
        if tile.isShared {
            RowBlocks.run(
                Task(norm: self, input: input, output: output), rows: input.count,
                columns: columns)
        } else {
            apply(input, into: output, 0..<input.count)
        }
        StageProfile.end(.norm, begin, in: tile, bytes: input.bytes + output.bytes)
    }

    private struct Task: RowBlockTask {
        let norm: LayerNorm
        let input: Rows
        let output: Rows

        func run(_ range: Range<Int>) { norm.apply(input, into: output, range) }
    }

    /// The same of the rows `range` of these, on this thread.
    func apply(_ input: Rows, into output: Rows, _ range: Range<Int>) {
        weight.withUnsafeBufferPointer { weight in
            bias.withUnsafeBufferPointer { bias in
                bigs_layer_norm(
                    output.storage.native, input.floats + range.lowerBound * columns,
                    output.base + range.lowerBound * output.stride, output.stride,
                    range.count, columns, weight.baseAddress, bias.baseAddress, epsilon)
            }
        }
    }
}

/// What is to be done to every block of rows.
protocol RowBlockTask {
    /// One block; calls run on several threads at once.
    func run(_ range: Range<Int>)
}

/// Rows cut into blocks that are worth a thread's while.
enum RowBlocks {
    static let floatsPerBlock = 8_192

    private struct Loop<Task: RowBlockTask>: ParallelLoop {
        let task: Task
        let rows: Int
        let perBlock: Int

        func run(item: Int, worker: Int) {
            let start = item * perBlock
            task.run(start..<min(start + perBlock, rows))
        }
    }

    /// Runs `task` for every block, on several threads at once. Allocates nothing.
    static func run(_ task: some RowBlockTask, rows: Int, columns: Int) {
        let perBlock = max(1, floatsPerBlock / columns)
        Parallel.run(
            Loop(task: task, rows: rows, perBlock: perBlock),
            count: (rows + perBlock - 1) / perBlock, threads: ComputeThreads.count)
    }
}
