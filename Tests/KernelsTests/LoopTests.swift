import CKernels
import Foundation
import TestSupport
import Testing

@testable import Kernels

/// The loops written in C against their twins in Swift.
@Suite struct LoopTests {
    @Test(arguments: [1, 2, 3, 15, 16, 17, 32], [1, 7, 8, 9, 40])
    func pairsGoThereAndBack(channels: Int, rows: Int) {
        var random = SeededGenerator(seed: 31)
        let stride = channels + 3
        let input = random.floats(rows * stride)
        let (pairs, length) = ((channels + 1) / 2, rows + 2)
        var signals = [Float](repeating: 9, count: 2 * pairs * length)
        var back = [Float](repeating: 7, count: rows * stride)
        bigs_gather_pairs(input, stride, rows, channels, &signals, length)
        bigs_scatter_pairs(signals, length, rows, channels, &back, stride)
        for r in 0..<rows {
            for c in 0..<stride {
                guard c < channels else {
                    #expect(back[r * stride + c] == 7)
                    continue
                }
                #expect(signals[2 * (c / 2 * length + r) + c % 2] == input[r * stride + c])
                #expect(back[r * stride + c] == input[r * stride + c])
            }
            if channels % 2 == 1 { #expect(signals[2 * ((pairs - 1) * length + r) + 1] == 0) }
        }
    }

    @Test func spectraMultiply() {
        var random = SeededGenerator(seed: 32)
        let (a, b) = (random.floats(74), random.floats(74))
        var product = a
        bigs_multiply_spectrum(&product, b, 37)
        let expected = (0..<37).flatMap { i in
            let (x, y, u, v) = (a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1])
            return [x * u - y * v, x * v + y * u]
        }
        #expect(largestDifference(product, expected) < 1e-6)
    }

    @Test(arguments: [1, 16, 33])
    func tilesCombine(columns: Int) {
        var random = SeededGenerator(seed: 33)
        let (rows, stride) = (5, columns + 4)
        let tile = random.floats(rows * columns)
        let (m, a) = (random.floats(rows * stride), random.floats(rows * stride))
        for (useM, useA) in [(false, false), (true, false), (false, true), (true, true)] {
            var output = [Float](repeating: 0, count: rows * stride)
            m.withUnsafeBufferPointer { m in
                a.withUnsafeBufferPointer { a in
                    bigs_combine(
                        tile, columns, useM ? m.baseAddress : nil, useA ? a.baseAddress : nil,
                        &output, stride, rows, columns)
                }
            }
            var expected = [Float](repeating: 0, count: rows * stride)
            for r in 0..<rows {
                for c in 0..<columns {
                    let at = r * stride + c
                    expected[at] =
                        tile[r * columns + c] * (useM ? m[at] : 1) + (useA ? a[at] : 0)
                }
            }
            #expect(largestDifference(output, expected) < 1e-6)
        }
    }

    @Test func everyItemRunsOnce() {
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: 1000)
        counts.initialize(repeating: 0, count: 1000)
        defer { counts.deallocate() }
        struct Count: ParallelLoop {
            let counts: UnsafeMutablePointer<Int>
            func run(item: Int, worker: Int) { counts[item] += worker < 4 ? 1 : 100 }
        }
        Parallel.run(Count(counts: counts), count: 1000, threads: 4)
        #expect((0..<1000).allSatisfy { counts[$0] == 1 })
        Parallel.run(Count(counts: counts), count: 0, threads: 4)
        #expect((0..<1000).allSatisfy { counts[$0] == 1 })
    }
}

@Suite struct WisdomTests {
    @Test func whatIsMeasuredIsKept() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "bigs-wisdom-\(UUID().uuidString)")
        let path = folder.appending(path: "fftw.wisdom").path
        func flags() -> UInt32? { FFTPlan.withPlanner { FFTWisdom.measured(in: path) { $0 } } }
        #expect(flags() == nil)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(flags() == 0)
        let taken = FFTPlan.withPlanner { FFTWisdom.read(path) }
        #expect(taken)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == ["fftw.wisdom", "fftw.wisdom.lock"])
    }

    @Test func garbageIsNotUsed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "bigs-wisdom-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for garbage in ["", "garbage", "(fftw-3.3.10 fftwf_wisdom #x0 (", "\0\0\0\u{ff}"] {
            let file = folder.appending(path: "fftw.wisdom")
            try garbage.write(to: file, atomically: true, encoding: .utf8)
            let taken = FFTPlan.withPlanner { FFTWisdom.read(file.path) }
            #expect(!taken)
        }
        let missing = folder.appending(path: "missing").path
        let taken = FFTPlan.withPlanner { FFTWisdom.read(missing) }
        #expect(!taken)
    }
}
