import CKernels
import TestSupport
import Testing

@testable import Kernels

/// The scan for the nearest vectors against a comparison of all of them in double precision.
@Suite struct VectorScanTests {
    private static func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
        let lengths = dot(a, a).squareRoot() * dot(b, b).squareRoot()
        return lengths > 0 ? dot(a, b) / lengths : 0
    }

    private static func set(_ vectors: [[Float]]) -> VectorSet {
        var set = VectorSet(columns: vectors[0].count)
        for vector in vectors {
            let isKept = vector.withUnsafeBytes { set.append($0) }
            #expect(isKept)
        }
        return set
    }

    /// Checks the result against the full sort, ties by row and whole.
    private static func check(
        _ query: [Float], _ vectors: [[Float]], topK: Int, mask: RowMask? = nil, threads: Int = 2
    ) {
        let found = VectorScan.nearest(
            to: query, in: set(vectors), topK: topK, mask: mask, threads: threads)
        let all = vectors.indices.filter { mask?[$0] ?? true }
            .map { (row: $0, score: cosine(query, vectors[$0])) }
            .sorted { ($0.score, $1.row) > ($1.score, $0.row) }
        #expect(found.count >= min(topK, all.count))
        for (match, expected) in zip(found, all) {
            #expect(abs(match.score - expected.score) < 1e-12)
        }
        // Scores that differ by more than the order of a sum can change decide the order.
        let expected = all.prefix(topK).map(\.row)
        let rows = found.prefix(topK).map(\.row)
        for (row, other) in zip(rows, expected) where row != other {
            #expect(abs(cosine(query, vectors[row]) - cosine(query, vectors[other])) < 1e-14)
        }
    }

    @Test("random vectors, lengths beside those of registers", arguments: [1, 3, 63, 64, 65, 384])
    func random(columns: Int) {
        var random = SeededGenerator(seed: UInt64(columns))
        let vectors = (0..<3000).map { _ in random.floats(columns) }
        for topK in [1, 10, 2999, 4000] {
            Self.check(random.floats(columns), vectors, topK: topK)
        }
    }

    @Test("clusters so tight that codes cannot tell their members apart")
    func clusters() {
        var random = SeededGenerator(seed: 41)
        let centres = (0..<5).map { _ in random.floats(96) }
        let vectors = (0..<2000).map { row in
            zip(centres[row % 5], random.floats(96)).map { $0 + $1 * 1e-4 }
        }
        Self.check(centres[2], vectors, topK: 25)
    }

    @Test("numbers from subnormal to near the largest, lone giants, and rows without length")
    func extremes() {
        var random = SeededGenerator(seed: 42)
        let vectors = (0..<600).map { row -> [Float] in
            let scale: [Float] = [0x1p-140, 1e-38, 1e-20, 1, 1e20, 3e38, 0]
            var vector = random.floats(48).map { $0 * scale[row % scale.count] }
            if row % 11 == 0 { vector[row % 48] *= 300 }
            return vector.map { $0.isFinite ? $0 : 3e38 }
        }
        for scale in [1e-38 as Float, 1, 1e38] {
            Self.check(random.floats(48).map { $0 * scale }, vectors, topK: 40)
        }
    }

    @Test("equal rows are all answered, in their order, and no other")
    func ties() {
        let vectors = (0..<300).map { row -> [Float] in row % 3 == 0 ? [1, 2, 3] : [3, 2, -1] }
        let found = VectorScan.nearest(to: [1, 2, 3], in: Self.set(vectors), topK: 4, threads: 2)
        #expect(found.map(\.row) == stride(from: 0, to: 300, by: 3).map { $0 })
        #expect(found.allSatisfy { abs($0.score - 1) < 1e-15 })
    }

    @Test("masks from none to all, in sets of several blocks", arguments: [0, 1, 30, 400, 1000])
    func masks(perMille: Int) {
        var random = SeededGenerator(seed: UInt64(50 + perMille))
        let vectors = (0..<VectorBlock.capacity + 700).map { _ in random.floats(8) }
        var mask = RowMask(count: vectors.count)
        for row in vectors.indices where Int.random(in: 0..<1000, using: &random) < perMille {
            mask[row] = true
        }
        Self.check(random.floats(8), vectors, topK: 7, mask: mask)
    }

    @Test("the number of threads changes nothing", arguments: [1, 2, 7])
    func threads(count: Int) {
        var random = SeededGenerator(seed: 43)
        let vectors = (0..<9000).map { _ in random.floats(16) }
        let query = random.floats(16)
        let set = Self.set(vectors)
        let one = VectorScan.nearest(to: query, in: set, topK: 50, threads: 1)
        #expect(VectorScan.nearest(to: query, in: set, topK: 50, threads: count) == one)
    }

    @Test("a copy does not see what is added later")
    func snapshots() {
        var random = SeededGenerator(seed: 44)
        let vectors = (0..<20).map { _ in random.floats(5) }
        var set = Self.set(Array(vectors.prefix(10)))
        let before = set
        for vector in vectors.dropFirst(10) {
            let isKept = vector.withUnsafeBytes { set.append($0) }
            #expect(isKept)
        }
        #expect(VectorScan.nearest(to: vectors[15], in: before, topK: 20).count == 10)
        #expect(VectorScan.nearest(to: vectors[15], in: set, topK: 20).first?.row == 15)
        #expect(set.vector(15) == vectors[15])
    }

    @Test("sums of codes are exact", arguments: [64, 128, 4096])
    func codes(stride: Int) {
        var random = SeededGenerator(seed: 45)
        let codes = (0..<9 * stride).map { _ in Int8.random(in: -127...127, using: &random) }
        let limit = Int16(clamping: Int(Int32.max) / (stride * 127))
        let query = (0..<stride).map { _ in Int16.random(in: -limit...limit, using: &random) }
        var expected = [Int32](repeating: 0, count: 9)
        for (index, code) in codes.enumerated() {
            expected[index / stride] += Int32(code) * Int32(query[index % stride])
        }
        var sums = [Int32](repeating: 0, count: 9)
        bigs_scan_codes(codes, stride, 9, query, &sums)
        #expect(sums == expected)
        let rows: [UInt32] = [8, 0, 3]
        bigs_scan_codes_at(codes, stride, rows, 3, query, &sums)
        #expect(Array(sums.prefix(3)) == rows.map { expected[Int($0)] })
    }

    @Test("a row's codes, norm and what they leave out", arguments: [1, 17, 64, 100])
    func quantization(columns: Int) {
        var random = SeededGenerator(seed: 46)
        let row = random.floats(columns)
        let stride = (columns + 63) / 64 * 64
        var codes = [Int8](repeating: 9, count: stride)
        var (scale, norm, residual) = (Float(0), 0.0, 0.0)
        bigs_quantize_row(row, columns, stride, &codes, &scale, &norm, &residual)
        let left = (0..<columns).map { Double(row[$0]) - Double(scale) * Double(codes[$0]) }
        #expect(left.allSatisfy { abs($0) <= Double(scale) * 0.5001 })
        #expect(codes.dropFirst(columns).allSatisfy { $0 == 0 })
        let squares = row.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(norm - squares.squareRoot()) < 1e-12)
        let errors = left.reduce(0) { $0 + $1 * $1 }
        #expect(abs(residual - errors.squareRoot()) < 1e-12)
    }
}
