import Foundation
import TestSupport
import Testing

@testable import Kernels

@Suite struct RowTests {
    @Test(arguments: [1, 3, 16, 17, 64, 100, 1024])
    func layerNormEqualsTheDefinition(columns: Int) {
        var random = SeededGenerator(seed: 1)
        let rows = 9
        let x = random.floats(rows * columns).map { $0 * 3 + 5 }
        let (weight, bias) = (random.floats(columns), random.floats(columns))
        let norm = LayerNorm(weight: weight, bias: bias, epsilon: 1e-5)
        let matrix = Matrix(x, columns: columns)
        norm.apply(matrix, into: matrix)
        var expected: [Float] = []
        for row in 0..<rows {
            let values = x[(row * columns)..<((row + 1) * columns)].map { Double($0) }
            let mean = values.reduce(0, +) / Double(columns)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
            for c in 0..<columns {
                let scaled = (values[c] - mean) / (variance + Double(Float(1e-5))).squareRoot()
                expected.append(Float(scaled * Double(weight[c]) + Double(bias[c])))
            }
        }
        #expect(largestDifference(matrix.copyRows(0..<rows), expected) < 5e-6)
    }

    /// Rounding the mean of equal numbers leaves a rest that the scale, 1 / sqrt(epsilon), makes large.
    @Test(arguments: [3, 33, 256, 1024])
    func layerNormOfEqualNumbersIsNothing(columns: Int) {
        for value in [0.1, -0.3, 7.7, 1e-3] as [Float] {
            let x = [Float](repeating: value, count: 5 * columns)
            let ones = [Float](repeating: 1, count: columns)
            let norm = LayerNorm(weight: ones, bias: ones.map { _ in 0 }, epsilon: 1e-12)
            let matrix = Matrix(x, columns: columns)
            norm.apply(matrix, into: matrix)
            #expect(matrix.copyRows(0..<5).allSatisfy { abs($0) < 1e-4 })
        }
    }

    @Test func layerNormRowsDoNotDependOnTheirNumber() {
        var random = SeededGenerator(seed: 2)
        let columns = 72
        let x = random.floats(1500 * columns)
        let norm = LayerNorm(
            weight: random.floats(columns), bias: random.floats(columns), epsilon: 1e-12)
        let all = Matrix(x, columns: columns)
        norm.apply(all, into: all)
        for row in [0, 1, 700, 1499] {
            let one = Matrix(Array(x[(row * columns)..<((row + 1) * columns)]), columns: columns)
            norm.apply(one, into: one)
            #expect(sameBits(one.copyRows(0..<1), all.copyRows(row..<(row + 1))))
        }
    }

    /// Rows of either kind, of any number: what is left over goes alone.
    @Test(arguments: [1, 17, 72, 256])
    func layerNormToBfloat16RoundsOnce(columns: Int) {
        var random = SeededGenerator(seed: 3)
        let x = random.floats(9 * columns)
        let norm = LayerNorm(
            weight: random.floats(columns), bias: random.floats(columns), epsilon: 1e-12)
        for rows in 1...9 {
            let (input, full) = (
                Matrix(Array(x[..<(rows * columns)]), columns: columns),
                Matrix(rowCapacity: rows, columns: columns)
            )
            norm.apply(input, into: full)
            let half = Activations(rowCapacity: rows, columns: columns, precision: .bfloat16)
            norm.apply(input[0..<rows], into: half[0..<rows], in: .shared(0..<rows))
            let found = withExtendedLifetime(half) { half[0..<rows].values }
            #expect(sameBits(found, full.copyRows(0..<rows).map(rounded)), "\(rows) rows")
        }
    }

    @Test func gatherSumAddsTables() {
        let words = Matrix([1, 2, 10, 20, 100, 200], columns: 2)
        let kinds = Matrix([0.5, 0.25], columns: 2)
        let output = Matrix(rowCapacity: 4, columns: 2)
        func numbers(_ values: [Int32]) -> RowNumbers {
            let made = RowNumbers(capacity: 4)
            made.append(values)
            return made
        }
        let (words3, kinds3) = (numbers([2, 0, 2]), numbers([0, 0, 0]))
        Elementwise.gatherSum(
            [.init(table: words, rows: words3), .init(table: kinds, rows: kinds3)], into: output)
        #expect(output.rows == 3)
        #expect(output.copyRows(0..<3) == [100.5, 200.25, 1.5, 2.25, 100.5, 200.25])
    }

    /// More rows than one block has, with a norm, against one row after the other.
    @Test func gatherSumOfManyRowsEqualsThatOfEach() {
        var random = SeededGenerator(seed: 5)
        let (columns, rows) = (72, 1000)
        let tables = [40, 2, 1200].map { Matrix(random.floats($0 * columns), columns: columns) }
        let norm = LayerNorm(
            weight: random.floats(columns), bias: random.floats(columns), epsilon: 1e-12)
        let numbers = (0..<3).map { _ in RowNumbers(capacity: rows) }
        let words = (0..<rows).map { Int32($0 * 7 % 40) }
        numbers[0].append(words)
        numbers[1].append(zeros: rows)
        for part in [600, 400] { numbers[2].append(upTo: part) }
        let output = Matrix(rowCapacity: rows, columns: columns)
        Elementwise.gatherSum(
            zip(tables, numbers).map { .init(table: $0, rows: $1) }, into: output, norm: norm)
        for row in 0..<rows {
            let places = [Int(words[row]), 0, row < 600 ? row : row - 600]
            let one = Matrix(rowCapacity: 1, columns: columns)
            for c in 0..<columns {
                one[0, c] =
                    tables[0][places[0], c] + tables[1][0, c] + tables[2][places[2], c]
            }
            norm.apply(one, into: one)
            #expect(sameBits(output.copyRows(row..<row + 1), one.copyRows(0..<1)))
        }
    }

    @Test(arguments: [1, 64, 65, 130])
    func meansOfRows(columns: Int) {
        var random = SeededGenerator(seed: 4)
        let lengths = [21, 2, 900, 1]
        let layout = SequenceLayout(lengths: lengths)
        let x = random.floats(layout.totalRows * columns)
        let input = Matrix(x, columns: columns)
        let output = Matrix(rowCapacity: 4, columns: columns)
        let weights: [[Int32]?] = [
            (0..<21).map { $0 % 3 == 0 ? 0 : 1 }, [0, 0], (0..<900).map { $0 % 5 }, nil,
        ]
        for weights in [nil, weights] {
            for texts in [0..<4, 2..<4, 1..<1] {
                Elementwise.meanRows(
                    input, of: texts, in: layout,
                    weights: weights.map { Array($0[texts]) }, into: output)
                #expect(output.rows == texts.count)
                for (row, text) in texts.enumerated() {
                    for c in 0..<columns {
                        var (sum, divisor) = (0.0, 0.0)
                        for r in 0..<lengths[text] {
                            let weight = Double(weights?[text]?[r] ?? 1)
                            sum += weight * Double(x[(layout.offsets[text] + r) * columns + c])
                            divisor += weight
                        }
                        let (found, expected) = (output[row, c], Float(sum / divisor))
                        #expect(found == expected || (found.isNaN && expected.isNaN))
                    }
                }
            }
        }
    }

    @Test func rowsAreCopiedToTheirPlace() {
        let a = Matrix([1, 2, 3, 4], columns: 2)
        let output = Matrix([5, 6, 7, 8], columns: 2)
        Elementwise.copyRows(a, range: 1..<2, into: output, at: 0)
        #expect(output.copyRows(0..<2) == [3, 4, 7, 8])
    }
}
