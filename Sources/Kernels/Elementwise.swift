internal import CKernels

/// What is left between the projections.
package enum Elementwise {
    /// Rows to take from a table: row i of the result gets `table`'s row `rows[i]`.
    package struct Lookup {
        /// The table, [entries, columns].
        package let table: Matrix
        /// The entry of each row of the result.
        package let rows: RowNumbers

        /// `rows` must lie in `0 ..< table.rows`; checked when used.
        package init(table: Matrix, rows: RowNumbers) {
            self.table = table
            self.rows = rows
        }
    }

    /// output[i] = norm(lookups[0].table[rows[i]] + lookups[1].table[rows[i]] + …), summed in that order,
    /// on all threads. Every lookup has as many rows, which `output.rows` is set to.
    package static func gatherSum(
        _ lookups: [Lookup], into output: Matrix, norm: LayerNorm? = nil
    ) {
        guard let first = lookups.first else { preconditionFailure("no table") }
        let (rows, columns) = (first.rows.count, output.columns)
        precondition(rows <= output.rowCapacity, "output has too few rows")
        for lookup in lookups {
            precondition(lookup.table.columns == columns && lookup.rows.count == rows)
            precondition(lookup.rows.lie(in: lookup.table), "no such row in the table")
        }
        precondition(norm?.columns ?? columns == columns, "shapes differ")
        output.rows = rows
        let begin = StageProfile.begin()
        let native = lookups.map { bigs_lookup(table: $0.table.base, rows: $0.rows.base) }
        native.withUnsafeBufferPointer { native in
            RowBlocks.run(
                Gathering(lookups: native, output: output, norm: norm), rows: rows,
                columns: columns)
        }
        StageProfile.end(
            .embeddings, begin, threads: ComputeThreads.count,
            bytes: (lookups.count + 1) * 4 * rows * columns)
    }

    private struct Gathering: RowBlockTask {
        let lookups: UnsafeBufferPointer<bigs_lookup>
        let output: Matrix
        let norm: LayerNorm?

        func run(_ range: Range<Int>) {
            bigs_gather_sum(
                lookups.baseAddress, lookups.count, range.lowerBound, range.count, output.columns,
                output.base)
            norm?.apply(output[range], into: output[range], 0..<range.count)
        }
    }

    /// Row i of output = sum over the rows r of sequence `sequences[i]` of weights[r] input[r] / sum of
    /// weights, summed in order in double precision, on all threads; sets `output.rows`. `weights` has
    /// those of each of `sequences`; where it has none, the mean of the rows. Weights that add up to 0
    /// give NaN, as the reference does.
    package static func meanRows(
        _ input: Matrix, of sequences: Range<Int>, in layout: SequenceLayout,
        weights: [[Int32]?]? = nil, into output: Matrix
    ) {
        precondition(sequences.lowerBound >= 0 && sequences.upperBound <= layout.count)
        precondition(layout.totalRows <= input.rows, "rows out of range")
        precondition(weights == nil || weights?.count == sequences.count, "weights are missing")
        for (i, weights) in zip(sequences, weights ?? []) {
            precondition(weights?.count ?? layout.length(i) == layout.length(i), "one for each row")
        }
        precondition(output.columns == input.columns, "shapes differ")
        output.rows = sequences.count
        guard !sequences.isEmpty else { return }
        let strips = (input.columns + meanStrip - 1) / meanStrip
        let rows = layout.offsets[sequences.upperBound] - layout.offsets[sequences.lowerBound]
        Parallel.run(
            MeanLoop(
                input: input, sequences: sequences, layout: layout, weights: weights,
                output: output, strips: strips),
            count: sequences.count * strips,
            threads: max(
                1, min(ComputeThreads.count, rows * input.columns / RowBlocks.floatsPerBlock)))
    }

    /// Columns that are summed at a time.
    private static let meanStrip = 64

    /// Some columns of one sequence.
    private struct MeanLoop: ParallelLoop {
        let input: Matrix
        let sequences: Range<Int>
        let layout: SequenceLayout
        let weights: [[Int32]?]?
        let output: Matrix
        let strips: Int

        func run(item: Int, worker: Int) {
            let (row, column) = (item / strips, item % strips * meanStrip)
            let range = layout.range(sequences.lowerBound + row)
            let columns = input.columns
            func mean(_ weights: UnsafePointer<Int32>?) {
                bigs_weighted_mean(
                    input.base + range.lowerBound * columns + column, columns, range.count,
                    min(meanStrip, columns - column), weights,
                    output.base + row * columns + column)
            }
            if let weights = weights?[row] {
                weights.withUnsafeBufferPointer { mean($0.baseAddress) }
            } else {
                mean(nil)
            }
        }
    }

    /// Copies rows of float32 to rows of either kind.
    package static func copy(_ input: Rows, into output: Rows) {
        precondition(input.columns == output.columns && input.count == output.count)
        let columns = input.columns
        for row in 0..<input.count {
            let from = input.floats + row * input.stride / 4
            let to = output.base + row * output.stride
            switch output.storage {
            case .float32:
                to.assumingMemoryBound(to: Float.self).update(from: from, count: columns)
            case .bfloat16:
                bigs_narrow(from, to.assumingMemoryBound(to: UInt16.self), columns)
            }
        }
    }

    /// Copies `range` of `input` to the rows from `row` on of `output`.
    package static func copyRows(
        _ input: Matrix, range: Range<Int>, into output: Matrix, at row: Int
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= input.rows, "rows out of range")
        precondition(output.columns == input.columns && row >= 0)
        precondition(row + range.count <= output.rows, "rows out of range")
        let columns = input.columns
        (output.base + row * columns).update(
            from: input.base + range.lowerBound * columns, count: range.count * columns)
    }
}
