import TestSupport
import Testing

@testable import Kernels

/// What the promise of `DenseProjection` rests on, for every height that a tile may have.
@Suite struct TileTests {
    @Test(arguments: [(64, 192), (192, 64), (256, 256), (1024, 256), (64, 3), (48, 1), (3072, 64)])
    func rowsOfATileDoNotDependOnItsHeight(inputs: Int, outputs: Int) {
        var random = SeededGenerator(seed: 21)
        let input = Matrix(random.floats(256 * inputs), columns: inputs)
        let panel = WeightPanel(
            weight: random.floats(inputs * outputs), transposed: false,
            bias: random.floats(outputs), inputs: inputs, outputs: outputs, columns: 0..<outputs)
        let output = Matrix(rowCapacity: 256, columns: outputs)
        ComputeThreads.enter()
        func run(_ rows: Range<Int>) -> [Float] {
            ProductCache.shared.product(
                ProductShape(
                    rows: rows.count, inner: inputs, columns: outputs, hasBias: true,
                    activation: .geluTanh)
            ).run(
                Product.Buffers(
                    input: input.base + rows.lowerBound * inputs, weights: panel.weights,
                    bias: panel.bias, output: output.base))
            return output.copyRows(0..<rows.count)
        }
        let heights = TileHeights.of(inputs: inputs, outputs: outputs)
        #expect(heights.allowed.first == 16 && heights.largest(upTo: 256) > 16)
        let all = stride(from: 0, to: 256, by: 16).flatMap { run($0..<($0 + 16)) }
        for height in heights.allowed {
            for start in Set([0, 16, 256 - height]) where start + height <= 256 {
                let part = run(start..<(start + height))
                let expected = Array(all[(start * outputs)..<((start + height) * outputs)])
                let same = sameBits(part, expected)
                #expect(same, "\(height) rows from \(start)")
            }
        }
    }

    /// Buffers made for the largest pass have room for every smaller one's tiles, and only the first of
    /// them grows with the number of threads.
    @Test(arguments: Precision.allCases, [1, 2, 3, 16, 64])
    func buffersOfTilesSuffice(precision: Precision, threads: Int) {
        let capacity = 5_000
        func room(_ worker: Int) -> Int {
            RowTiles.tallest(
                worker: worker, capacity: capacity, precision: precision, threads: threads)
        }
        for rows in 1...capacity {
            let plan = RowTiles(rows: rows, precision: precision, threads: threads)
            #expect(plan.workers <= threads)
            let fits = (0..<plan.workers).allSatisfy { plan.tallest(worker: $0) <= room($0) }
            #expect(fits, "\(rows) rows")
        }
        #expect((1..<threads).allSatisfy { room($0) <= 256 })
    }
}
