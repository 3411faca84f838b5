import CKernels
import Foundation
import TestSupport
import Testing

@testable import Kernels

/// Products of 16 and 8 bits against their definitions, on processors that have them.
@Suite struct PrecisionTests {
    /// What multiplies numbers of a type: vectors or, where this processor has one, the matrix unit; and
    /// how results are rounded.
    struct Unit: Sendable {
        let precision: Precision
        let usesTiles: Bool
        var roundsAtOnce = Processor.multiplies(.bfloat16)

        static let all = Precision.allCases.filter { $0.resolved == $0 }.flatMap { precision in
            (Processor.hasMatrixUnit(precision) ? [false, true] : [false]).flatMap { usesTiles in
                (Processor.multiplies(.bfloat16) ? [false, true] : [false]).map {
                    Unit(precision: precision, usesTiles: usesTiles, roundsAtOnce: $0)
                }
            }
        }
    }

    private static let lower = Unit.all.filter { $0.precision != .float32 }

    private struct Case {
        let (rows, inputs, outputs): (Int, Int, Int)
        let x: [Float], w: [Float], b: [Float], m: [Float]

        init(_ rows: Int, _ inputs: Int, _ outputs: Int, seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
            x = random.floats(rows * inputs).map(rounded)
            w = random.floats(inputs * outputs)
            b = random.floats(outputs)
            m = random.floats(rows * outputs).map(rounded)
        }

        func run(
            _ unit: Unit, _ activation: Activation = .none, transposed: Bool = false,
            rows range: Range<Int>? = nil, shared: Bool = true
        ) -> [Float] {
            let (range, precision) = (range ?? 0..<rows, unit.precision)
            let weight =
                transposed
                ? (0..<outputs).flatMap { c in (0..<inputs).map { w[$0 * outputs + c] } } : w
            let projection = DenseProjection(
                weight: weight, transposed: transposed, bias: b, inputs: inputs, outputs: outputs,
                activation: activation, precision: precision, stage: .head,
                unit: ProductUnit(
                    usesTiles: unit.usesTiles, roundsAtOnce: unit.roundsAtOnce))
            func activations(_ columns: Int, _ numbers: [Float]) -> Activations {
                let made = Activations(
                    rowCapacity: range.count, columns: columns, precision: precision)
                made[0..<range.count].fill(
                    Array(numbers[range.lowerBound * columns..<range.upperBound * columns]))
                return made
            }
            let (input, output) = (activations(inputs, x), activations(outputs, m))
            let all = 0..<range.count
            return withExtendedLifetime((input, output)) {
                projection.apply(
                    input[all], into: output[all], multiplier: output[all],
                    in: RowTile(rows: all, worker: 0, isShared: shared))
                return output[all].values
            }
        }

        /// The sums in double precision, of weights and inputs as `precision` keeps them.
        func expected(_ precision: Precision, _ activation: Activation) -> [Double] {
            let (inputs, weights) = precision == .int8 ? bytes() : halves()
            return (0..<rows * outputs).map { at in
                var sum = Double(b[at % outputs])
                for k in 0..<self.inputs {
                    sum +=
                        inputs[at / outputs * self.inputs + k] * weights[k * outputs + at % outputs]
                }
                let value =
                    switch activation {
                    case .geluTanh:
                        0.5 * sum * (1 + tanh(0.7978845608 * (sum + 0.044715 * sum * sum * sum)))
                    case .geluErf: 0.5 * sum * erfc(-sum / 2.0.squareRoot())
                    default: sum
                    }
                return value * Double(m[at])
            }
        }

        private func halves() -> ([Double], [Double]) {
            (x.map(Double.init), w.map { Double(rounded($0)) })
        }

        /// What inputs and weights of 8 bits stand for; tests of their own compare that with the numbers.
        private func bytes() -> ([Double], [Double]) {
            var quantized = [UInt8](repeating: 0, count: rows * inputs)
            var scales = [Float](repeating: 0, count: rows)
            var zeros = [Int32](repeating: 0, count: rows)
            bigs_quantize_rows(
                x.map(bfloat16), 2 * inputs, rows, inputs, &quantized, inputs, &scales, &zeros)
            let panels = (outputs + 63) / 64
            var packed = [Int8](
                repeating: 0, count: bigs_packed_bytes(bigs_int8, inputs, outputs))
            var columnScales = [Float](repeating: 0, count: 64 * panels)
            var sums = [Int32](repeating: 0, count: 64 * panels)
            for panel in 0..<panels {
                bigs_pack(
                    bigs_int8, w, outputs, 1, inputs, outputs, panel, &packed, &columnScales,
                    &sums)
            }
            let groups = (inputs + 3) / 4
            return (
                quantized.indices.map { i in
                    Double(Int32(quantized[i]) - zeros[i / inputs]) * Double(scales[i / inputs])
                },
                w.indices.map { i in
                    let (k, c) = (i / outputs, i % outputs)
                    let at = ((c / 64 * groups + k / 4) * 64 + c % 64) * 4 + k % 4
                    return Double(packed[at]) * Double(columnScales[c])
                }
            )
        }
    }

    @Test(arguments: lower, [Activation.none, .geluTanh, .geluErf])
    func productsEqualTheDefinition(unit: Unit, activation: Activation) {
        let sizes = [(1, 4, 1), (7, 64, 70), (13, 100, 64), (20, 203, 130), (75, 160, 40)]
        for (rows, inputs, outputs) in sizes {
            let given = Case(rows, inputs, outputs, seed: UInt64(rows))
            let expected = given.expected(unit.precision, activation)
            for transposed in [false, true] {
                let found = given.run(unit, activation, transposed: transposed)
                for (a, b) in zip(found, expected) {
                    // Results are rounded to 8 bits.
                    #expect(abs(Double(a) - b) <= abs(b) / 200 + 2e-4, "\(inputs) \(outputs)")
                }
            }
        }
    }

    /// The matrix unit sums 8 bits as vectors do; of bfloat16 in another order, so that the last bit of
    /// what is rounded may differ.
    @Test(arguments: lower.filter(\.usesTiles))
    func bothUnitsAgree(unit: Unit) {
        let given = Case(45, 203, 130, seed: 4)
        let tiles = given.run(unit, .geluErf)
        let vectors = given.run(Unit(precision: unit.precision, usesTiles: false), .geluErf)
        if unit.precision == .int8 {
            #expect(sameBits(tiles, vectors))
        } else {
            #expect(zip(tiles, vectors).allSatisfy { abs($0 - $1) <= abs($1) / 128 + 1e-6 })
        }
    }

    /// Processors without the instruction that rounds to bfloat16 give the same bits.
    @Test(arguments: lower.filter(\.roundsAtOnce), [Activation.none, .geluErf, .geluTanh, .tanh])
    func bothWaysToRoundAgree(unit: Unit, activation: Activation) {
        let given = Case(45, 203, 130, seed: 5)
        var other = unit
        other.roundsAtOnce = false
        #expect(sameBits(given.run(unit, activation), given.run(other, activation)))
    }

    /// For every upper half of a number, with lower halves around a tie and at random.
    @Test(.enabled(if: Processor.multiplies(.bfloat16)), arguments: [0, 1, 2, 3, 4, 5, 6])
    func bothWaysRoundEveryNumberAlike(lower: Int) {
        var random = SeededGenerator(seed: 8)
        let numbers = (0..<65_536).map { upper in
            let lowers: [UInt32] = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff]
            let low = lower < 6 ? lowers[lower] : UInt32.random(in: 0...0xffff, using: &random)
            return Float(bitPattern: UInt32(upper) << 16 | low)
        }
        /// Each number times 1 and plus 0 of its own sign, in a product of float32.
        func rounded(atOnce: Bool) -> [UInt16] {
            var output = [UInt16](repeating: 7, count: numbers.count)
            let one = FloatTable(count: 64)
            let bias = FloatTable(count: 64)
            one.base[0] = 1
            bias.base[0] = -0.0
            var product = bigs_product()
            product.type = bigs_float32
            product.output_type = bigs_bfloat16
            product.rounds_at_once = atOnce ? 1 : 0
            (product.inner, product.columns) = (1, 1)
            (product.input_stride, product.output_stride) = (4, 2)
            withExtendedLifetime((one, bias)) {
                product.weights = UnsafeRawPointer(one.base)
                product.bias = UnsafePointer(bias.base)
                numbers.withUnsafeBytes { input in
                    output.withUnsafeMutableBytes { output in
                        product.input = input.baseAddress
                        product.output = output.baseAddress
                        bigs_product_run(&product, 0, numbers.count, 0, 1, nil)
                    }
                }
            }
            return output
        }
        let found = rounded(atOnce: false)
        #expect(found == rounded(atOnce: true))
        for (number, found) in zip(numbers, found) where number.isNormal {
            #expect(found == bfloat16(number))
        }
    }

    @Test(arguments: Unit.all)
    func rowsDoNotDependOnTheirNumberOrTheirTile(unit: Unit) {
        let given = Case(150, 132, 200, seed: 9)
        let all = given.run(unit, .geluTanh)
        for count in [1, 2, 5, 6, 7, 12, 13, 31, 64, 129] {
            for start in [0, 17, 150 - count] where start + count <= 150 {
                let range = start..<start + count
                let expected = Array(all[start * 200..<(start + count) * 200])
                for shared in [false, true] {
                    let part = given.run(unit, .geluTanh, rows: range, shared: shared)
                    let same = sameBits(part, expected)
                    #expect(same, "\(count) rows from \(start), \(shared)")
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func packedBytesAreWithinHalfAStep(transposed: Bool) {
        var random = SeededGenerator(seed: 6)
        let (inputs, outputs) = (70, 66)
        var w = random.floats(inputs * outputs)
        for k in 0..<inputs { w[transposed ? 5 * inputs + k : k * outputs + 5] = 0 }
        var packed = [Int8](repeating: 9, count: bigs_packed_bytes(bigs_int8, inputs, outputs))
        var scales = [Float](repeating: 9, count: 128)
        var sums = [Int32](repeating: 9, count: 128)
        for panel in 0..<2 {
            bigs_pack(
                bigs_int8, w, transposed ? 1 : outputs, transposed ? inputs : 1, inputs, outputs,
                panel, &packed, &scales, &sums)
        }
        for c in 0..<outputs {
            var sum: Int32 = 0
            for k in 0..<inputs {
                let q = packed[((c / 64 * 18 + k / 4) * 64 + c % 64) * 4 + k % 4]
                let x = w[transposed ? c * inputs + k : k * outputs + c]
                #expect(abs(Float(q) * scales[c] - x) <= 0.5001 * scales[c])
                sum += Int32(q)
            }
            #expect(sums[c] == sum)
        }
        #expect(scales[5] == 0)
        #expect(scales[66...].allSatisfy { $0 == 0 } && sums[66...].allSatisfy { $0 == 0 })
    }

    @Test func roundingIsToNearestEven() {
        var random = SeededGenerator(seed: 3)
        let numbers =
            random.floats(300)
            + [
                0, -0.0, 1.00390625, 1.01171875, .infinity, -.infinity, .nan, 3.4e38,
                .leastNormalMagnitude / 128,
            ]
        var narrow = [UInt16](repeating: 0, count: numbers.count)
        var wide = [Float](repeating: 0, count: numbers.count)
        bigs_narrow(numbers, &narrow, numbers.count)
        bigs_widen(narrow, &wide, numbers.count)
        for (i, x) in numbers.enumerated() {
            #expect(narrow[i] == bfloat16(x), "\(x)")
            #expect(wide[i].bitPattern == UInt32(narrow[i]) << 16)
        }
        // Whole blocks of channels, and what is left over.
        for channels in [1, 31, 32] {
            var block = [Float](repeating: 9, count: 32)
            var back = [UInt16](repeating: 7, count: 33)
            bigs_load_block(bigs_bfloat16, narrow, 64, 1, channels, &block)
            bigs_store_block(bigs_bfloat16, block, 1, channels, &back, 64)
            for c in 0..<32 {
                let value = c < channels ? wide[c] : 0
                #expect(block[c].bitPattern == value.bitPattern)
            }
            #expect(Array(back[..<channels]) == Array(narrow[..<channels]))
            #expect(back[channels...].allSatisfy { $0 == 7 })
        }
    }

    @Test func whatIsNotFiniteIsNotHidden() {
        for bad in [Float.nan, .infinity, -.infinity] {
            var row = (0..<40).map { Float($0) / 40 }.map(bfloat16)
            row[33] = bfloat16(bad)
            var bytes = [UInt8](repeating: 0, count: 64)
            var (scale, zero): (Float, Int32) = (0, 0)
            bigs_quantize_rows(row, 80, 1, 40, &bytes, 64, &scale, &zero)
            #expect(scale.isNaN)
        }
    }

    /// Of numbers whose range has no finite inverse nothing is left, and nothing else comes of it.
    @Test func tinyNumbersAreQuantizedToNothing() {
        let row = (0..<40).map { bfloat16(Float($0) * 1e-38) }
        var bytes = [UInt8](repeating: 9, count: 64)
        var (scale, zero): (Float, Int32) = (0, 9)
        bigs_quantize_rows(row, 80, 1, 40, &bytes, 64, &scale, &zero)
        #expect(scale.isFinite && bytes[..<40].allSatisfy { Int32($0) == zero })
    }

    @Test(arguments: [1, 16, 40, 257])
    func quantizedRowsAreWithinHalfAStep(columns: Int) {
        var random = SeededGenerator(seed: UInt64(columns))
        for (factor, offset) in [(1, 0), (0.01, 0), (3, 5), (3, -5), (0, 0)] as [(Float, Float)] {
            let row = random.floats(columns).map { rounded($0 * factor + offset) }
            var bytes = [UInt8](repeating: 0, count: columns + 64)
            var (scale, zero): (Float, Int32) = (0, 0)
            bigs_quantize_rows(
                row.map(bfloat16), 2 * columns, 1, columns, &bytes, columns, &scale, &zero)
            for (x, q) in zip(row, bytes) {
                let back = Float(Int32(q) - zero) * scale
                #expect(abs(back - x) <= scale * 0.5001 + abs(x) * 1e-6)
            }
            #expect((0...255).contains(zero))
        }
    }
}
