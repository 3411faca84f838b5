import CKernels
import Foundation
import Synchronization
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

    /// Counts how often each item ran, and whether a worker did two at once.
    private final class Counts {
        let items: UnsafeMutablePointer<Int>
        let isBusy: UnsafeMutablePointer<Bool>
        private let count: Int
        private let threads: Int

        init(_ count: Int, threads: Int) {
            (self.count, self.threads) = (count, threads)
            items = .allocate(capacity: count)
            items.initialize(repeating: 0, count: count)
            isBusy = .allocate(capacity: threads)
            isBusy.initialize(repeating: false, count: threads)
        }

        deinit {
            items.deallocate()
            isBusy.deallocate()
        }

        /// Whether each of the first `done` items ran once, and no other.
        func areRight(_ done: Int) -> Bool {
            (0..<count).allSatisfy { items[$0] == ($0 < done ? 1 : 0) }
        }

        /// `isNested`: each item is a loop of its own.
        func run(_ done: Int, isNested: Bool = false) {
            Parallel.run(
                Loop(counts: self, threads: threads, isNested: isNested), count: done,
                threads: threads)
        }

        struct Loop: ParallelLoop {
            unowned(unsafe) let counts: Counts
            let threads: Int
            let isNested: Bool

            func run(item: Int, worker: Int) {
                guard worker < threads, !counts.isBusy[worker] else { return }
                counts.isBusy[worker] = true
                if isNested {
                    let inner = Counts(3, threads: 3)
                    inner.run(3)
                    counts.items[item] += inner.areRight(3) ? 1 : 100
                } else {
                    counts.items[item] += 1
                }
                counts.isBusy[worker] = false
            }
        }
    }

    @Test(arguments: [false, true])
    func everyItemRunsOnce(isNested: Bool) {
        for (threads, count) in [(4, 1000), (4, 0), (1, 5), (7, 3), (2, 1), (3, 64), (7, 30)] {
            let counts = Counts(1000, threads: threads)
            counts.run(count, isNested: isNested)
            #expect(counts.areRight(count), "\(count) items, \(threads) threads")
        }
    }

    /// More callers than there are teams, each with loops of changing sizes, close together and apart.
    @Test func everyItemRunsOnceForEveryCaller() {
        let wrong = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 7) { caller in
            for round in 0..<400 {
                let (threads, count) = (1 + (caller + round) % 5, (caller + 7 * round) % 23)
                let counts = Counts(23, threads: threads)
                counts.run(count, isNested: round % 10 == 0)
                if !counts.areRight(count) { wrong.add(1, ordering: .relaxed) }
                if round % 100 == 0 { usleep(300) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
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
