import Foundation
import TestSupport
import Testing

@testable import Kernels

@Suite struct DenseProjectionTests {
    private func activated(_ x: Double, _ activation: Activation) -> Double {
        switch activation {
        case .none: x
        case .geluErf: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh:
            0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .tanh: tanh(x)
        case .relu: max(x, 0)
        case .silu: x / (1 + exp(-x))
        case .sigmoid: 1 / (1 + exp(-x))
        }
    }

    @Test(arguments: Activation.allCases, [false, true])
    func equalsTheDefinition(activation: Activation, transposed: Bool) {
        var random = SeededGenerator(seed: 3)
        let (rows, inputs, outputs) = (19, 40, 23)
        let x = random.floats(rows * inputs)
        let w = random.floats(inputs * outputs)
        let b = random.floats(outputs)
        let m = random.floats(rows * outputs)
        let r = random.floats(rows * outputs)
        let projection = DenseProjection(
            weight: w, transposed: transposed, bias: b, inputs: inputs, outputs: outputs,
            activation: activation)
        let input = Matrix(x, columns: inputs)
        let (multiplier, residual) = (Matrix(m, columns: outputs), Matrix(r, columns: outputs))
        var plain: [Float] = []
        var full: [Float] = []
        for row in 0..<rows {
            for column in 0..<outputs {
                var sum = Double(b[column])
                for i in 0..<inputs {
                    let weight = transposed ? w[column * inputs + i] : w[i * outputs + column]
                    sum += Double(x[row * inputs + i]) * Double(weight)
                }
                let value = activated(sum, activation)
                let at = row * outputs + column
                plain.append(Float(value))
                full.append(Float(value * Double(m[at]) + Double(r[at])))
            }
        }
        let output = Matrix(rowCapacity: rows, columns: outputs)
        projection.apply(input, into: output)
        #expect(largestDifference(output.copyRows(0..<rows), plain) < 5e-6)
        projection.apply(input, into: output, multiplier: multiplier, residual: residual)
        let apart = output.copyRows(0..<rows)
        #expect(largestDifference(apart, full) < 5e-6)
        projection.apply(input, into: residual, multiplier: multiplier, residual: residual)
        #expect(largestDifference(residual.copyRows(0..<rows), apart) < 5e-6)
    }

    /// Numbers that no sound model has. Where the definition gives none (a gate of 0 times infinity),
    /// neither a number may come out, nor anything but 0.
    @Test(arguments: Activation.allCases)
    func extremesAreThoseOfTheDefinition(activation: Activation) {
        let extremes: [Float] = [0, 88, 1e5, 1e13, 1e15, 1e20, 1e30, .infinity]
        let bias = extremes + extremes.map { -$0 } + [.nan]
        let weight = [Float](repeating: 0, count: bias.count)
        func check(_ results: [Float], _ name: String) {
            for (x, found) in zip(bias, results) {
                let truth = activated(Double(x), activation)
                if truth.isFinite {
                    let error = abs(Double(found) - truth)
                    #expect(error <= abs(truth) / 200 + 1e-4, "\(name): \(x) gave \(found)")
                } else if x.isNaN, name == "portable" {
                    // oneDNN's maximum of NaN and 0 is 0.
                    #expect(found.isNaN || activation == .relu, "\(name): \(x) gave \(found)")
                } else if truth.isNaN && !x.isNaN {
                    #expect(!found.isFinite || found == 0, "\(name): \(x) gave \(found)")
                } else {
                    #expect(
                        Double(found) == truth || found.isNaN && truth.isNaN,
                        "\(name): \(x) gave \(found)")
                }
            }
        }
        for precision in [Precision.float32, .bfloat16] where precision.resolved == precision {
            let projection = DenseProjection(
                weight: weight, transposed: true, bias: bias, inputs: 1, outputs: bias.count,
                activation: activation, precision: precision)
            let input = Activations(rowCapacity: 1, columns: 1, precision: precision)
            let output = Activations(
                rowCapacity: 1, columns: bias.count, precision: precision)
            withExtendedLifetime((input, output)) {
                projection.apply(
                    input[0..<1], into: output[0..<1],
                    in: RowTile(rows: 0..<1, worker: 0, isShared: false))
                check(output[0..<1].values, "\(precision)")
            }
        }
        let portable = PortableProjection(
            weight: weight, transposed: true, bias: bias, inputs: 1, outputs: bias.count,
            activation: activation)
        let input = Matrix([0], columns: 1)
        let output = Matrix(rowCapacity: 1, columns: bias.count)
        portable.apply(input[0..<1], into: output[0..<1], multiplier: nil, residual: nil)
        output.rows = 1
        check(output.copyRows(0..<1), "portable")
    }

    /// Where results are rounded to 8 of 24 bits, what is rounded is off by 1e-5 at most.
    @Test(
        .enabled(if: Precision.bfloat16.resolved == .bfloat16),
        arguments: [Activation.geluErf, .geluTanh])
    func roundedActivationsAreNear(activation: Activation) {
        let bias = (-40_000...40_000).map { Float($0) / 4000 }
        let projection = DenseProjection(
            weight: [Float](repeating: 0, count: bias.count), transposed: true, bias: bias,
            inputs: 1, outputs: bias.count, activation: activation, precision: .bfloat16)
        let input = Activations(rowCapacity: 1, columns: 1, precision: .bfloat16)
        let output = Activations(rowCapacity: 1, columns: bias.count, precision: .bfloat16)
        withExtendedLifetime((input, output)) {
            projection.apply(
                input[0..<1], into: output[0..<1],
                in: RowTile(rows: 0..<1, worker: 0, isShared: false))
            for (x, found) in zip(bias, output[0..<1].values) {
                let truth = activated(Double(x), activation)
                let allowed = Double(Float(truth).ulp) * 0x8000 + 1e-5
                #expect(abs(Double(found) - truth) <= allowed, "\(x) gave \(found)")
            }
        }
    }

    /// The rows of the result have the same bits whatever their number and place.
    @Test(arguments: [(64, 192), (192, 64), (256, 520), (64, 3), (48, 1)])
    func rowsDoNotDependOnTheirNumber(inputs: Int, outputs: Int) {
        var random = SeededGenerator(seed: 7)
        let most = 1100
        let x = random.floats(most * inputs)
        let projection = DenseProjection(
            weight: random.floats(inputs * outputs), transposed: true,
            bias: random.floats(outputs), inputs: inputs, outputs: outputs, activation: .geluTanh)
        let output = Matrix(rowCapacity: most, columns: outputs)
        let residual = Matrix(random.floats(most * outputs), columns: outputs)
        let multiplier = Matrix(random.floats(most * outputs), columns: outputs)
        let input = Matrix(x, columns: inputs)
        projection.apply(input, into: output, multiplier: multiplier, residual: residual)
        let all = output.copyRows(0..<most)
        for rows in [1, 2, 15, 16, 17, 48, 100, 129, 255, 400, 511, 512, 513, 700, 1024, 1025] {
            for start in [0, most - rows] {
                let part = Matrix(
                    Array(x[(start * inputs)..<((start + rows) * inputs)]), columns: inputs)
                let range = start..<(start + rows)
                let factor = Matrix(multiplier.copyRows(range), columns: outputs)
                let addend = Matrix(residual.copyRows(range), columns: outputs)
                let result = Matrix(rowCapacity: rows, columns: outputs)
                projection.apply(part, into: result, multiplier: factor, residual: addend)
                let expected = Array(all[(start * outputs)..<((start + rows) * outputs)])
                let same = sameBits(result.copyRows(0..<rows), expected)
                #expect(same, "\(rows) rows from \(start)")
            }
        }
    }

    @Test func threadsDoNotMatter() {
        var random = SeededGenerator(seed: 17)
        let (rows, inputs, outputs) = (300, 192, 600)
        let projection = DenseProjection(
            weight: random.floats(inputs * outputs), transposed: false, bias: nil, inputs: inputs,
            outputs: outputs, activation: .geluErf)
        let input = Matrix(random.floats(rows * inputs), columns: inputs)
        let output = Matrix(rowCapacity: rows, columns: outputs)
        projection.apply(input, into: output)
        let expected = output.copyRows(0..<rows)
        defer { ComputeThreads.configure(0) }
        for threads in [1, 3, 8] {
            ComputeThreads.configure(threads)
            projection.apply(input, into: output)
            let same = sameBits(output.copyRows(0..<rows), expected)
            #expect(same, "\(threads) threads")
        }
    }

    /// Threads get rows where there are too few panels for them, and no crumbs.
    @Test(arguments: [(6, 2), (6, 7), (6, 16), (32, 2), (32, 16), (32, 48)])
    func rowsAreSharedOutWherePanelsAreFew(unit: Int, threads: Int) {
        for rows in 1...1_500 {
            for panels in [1, 3, 4, 12, 16, 500] {
                let blocks = ProductWork.rowBlocks(
                    rows: rows, panels: panels, threads: threads, unit: unit)
                let isCrumbled = blocks > 1 && rows / blocks < unit
                let isIdle = blocks == 1 && 2 * panels <= threads && rows >= 4 * unit
                #expect(blocks >= 1 && !isCrumbled && !isIdle, "\(rows) rows, \(panels) panels")
            }
        }
        #expect(ProductWork.rowBlocks(rows: 118, panels: 4, threads: 2, unit: 6) == 1)
        #expect(ProductWork.rowBlocks(rows: 118, panels: 4, threads: 16, unit: 6) == 4)
        #expect(ProductWork.rowBlocks(rows: 118, panels: 3, threads: 2, unit: 6) == 2)
    }

    @Test func garbageAfterTheLastRowDoesNotMatter() {
        var random = SeededGenerator(seed: 8)
        let projection = DenseProjection(
            weight: random.floats(64 * 64), transposed: false, bias: nil, inputs: 64, outputs: 64,
            activation: .none)
        let input = Matrix(random.floats(16 * 64), columns: 64)
        let output = Matrix(rowCapacity: 16, columns: 64)
        projection.apply(input, into: output)
        let expected = output.copyRows(0..<5)
        for row in 5..<16 { input.withRow(row) { $0.update(repeating: .nan) } }
        input.rows = 5
        projection.apply(input, into: output)
        #expect(sameBits(output.copyRows(0..<5), expected))
    }

    @Test func manyThreadsMayShareOne() async {
        var random = SeededGenerator(seed: 9)
        let projection = DenseProjection(
            weight: random.floats(64 * 64), transposed: false, bias: nil, inputs: 64, outputs: 64,
            activation: .geluErf)
        let x = random.floats(40 * 64)
        let run: @Sendable () -> [Float] = {
            let output = Matrix(rowCapacity: 40, columns: 64)
            projection.apply(Matrix(x, columns: 64), into: output)
            return output.copyRows(0..<40)
        }
        let expected = run()
        let same = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { sameBits(run(), expected) } }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(same)
    }
}
