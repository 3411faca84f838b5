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

    @Test func gatherSumAddsTables() {
        let words = Matrix([1, 2, 10, 20, 100, 200], columns: 2)
        let kinds = Matrix([0.5, 0.25], columns: 2)
        let output = Matrix(rowCapacity: 4, columns: 2)
        Elementwise.gatherSum(
            [.init(table: words, rows: [2, 0, 2]), .init(table: kinds, rows: [0, 0, 0])],
            into: output)
        #expect(output.rows == 3)
        #expect(output.copyRows(0..<3) == [100.5, 200.25, 1.5, 2.25, 100.5, 200.25])
    }

    @Test(arguments: [1, 64, 65, 130])
    func meansOfRows(columns: Int) {
        var random = SeededGenerator(seed: 4)
        let rows = 21
        let x = random.floats(rows * columns)
        let input = Matrix(x, columns: columns)
        let output = Matrix(rowCapacity: 2, columns: columns)
        let weights = (0..<rows).map { Float($0 % 3 == 0 ? 0 : 1) }
        Elementwise.meanRows(input, range: 0..<rows, into: output, row: 0)
        Elementwise.meanRows(input, range: 0..<rows, weights: weights, into: output, row: 1)
        for c in 0..<columns {
            let column = (0..<rows).map { Double(x[$0 * columns + c]) }
            let kept = (0..<rows).filter { $0 % 3 != 0 }.map { column[$0] }
            #expect(output[0, c] == Float(column.reduce(0, +) / Double(rows)))
            #expect(output[1, c] == Float(kept.reduce(0, +) / Double(kept.count)))
        }
        Elementwise.meanRows(
            input, range: 0..<2, weights: [0, 0], into: output, row: 0)
        #expect(output[0, 0].isNaN)
    }

    @Test func rowsAreCopiedToTheirPlace() {
        let a = Matrix([1, 2, 3, 4], columns: 2)
        let output = Matrix([5, 6, 7, 8], columns: 2)
        Elementwise.copyRows(a, range: 1..<2, into: output, at: 0)
        #expect(output.copyRows(0..<2) == [3, 4, 7, 8])
    }
}
