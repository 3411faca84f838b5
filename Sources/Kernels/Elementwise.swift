internal import CKernels

/// What is left between the projections.
package enum Elementwise {
    /// Rows to take from a table: row i of the result gets `table`'s row `rows[i]`.
    package struct Lookup {
        /// The table, [entries, columns].
        package let table: Matrix
        /// The entry of each row of the result.
        package let rows: [Int]

        /// `rows` must lie in `0 ..< table.rows`; checked when used.
        package init(table: Matrix, rows: [Int]) {
            self.table = table
            self.rows = rows
        }
    }

    /// output[i] = lookups[0].table[rows[i]] + lookups[1].table[rows[i]] + …, summed in that order.
    /// Every lookup has as many rows, which `output.rows` is set to.
    package static func gatherSum(_ lookups: [Lookup], into output: Matrix) {
        guard let first = lookups.first else { preconditionFailure("no table") }
        let (rows, columns) = (first.rows.count, output.columns)
        precondition(rows <= output.rowCapacity, "output has too few rows")
        for lookup in lookups {
            precondition(lookup.table.columns == columns && lookup.rows.count == rows)
            let range = 0..<lookup.table.rows
            precondition(lookup.rows.allSatisfy(range.contains), "no such row in the table")
        }
        output.rows = rows
        let begin = StageProfile.begin()
        defer {
            StageProfile.end(
                .embeddings, begin, threads: 1, bytes: (lookups.count + 1) * 4 * rows * columns)
        }
        for row in 0..<rows {
            let target = output.base + row * columns
            target.update(from: first.table.base + first.rows[row] * columns, count: columns)
            for lookup in lookups.dropFirst() {
                bigs_add(target, lookup.table.base + lookup.rows[row] * columns, target, columns)
            }
        }
    }

    /// Row `row` of output = sum over the rows r of `range` of weights[r] input[r] / sum of weights,
    /// summed in order in double precision. Without weights, the mean of the rows. Weights that add
    /// up to 0 give NaN, as the reference does.
    package static func meanRows(
        _ input: Matrix, range: Range<Int>, weights: [Float]? = nil, into output: Matrix, row: Int
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= input.rows, "rows out of range")
        precondition(weights == nil || weights?.count == range.count, "one weight per row")
        precondition(output.columns == input.columns && (0..<output.rows).contains(row))
        let divisor = weights?.reduce(0) { $0 + Double($1) } ?? Double(range.count)
        let start = input.base + range.lowerBound * input.columns
        let target = output.base + row * input.columns
        if let weights {
            bigs_weighted_mean(
                start, input.columns, range.count, input.columns, weights, divisor, target)
        } else {
            bigs_weighted_mean(
                start, input.columns, range.count, input.columns, nil, divisor, target)
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
