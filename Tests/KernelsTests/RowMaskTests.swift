import TestSupport
import Testing

@testable import Kernels

/// Sets of rows against sets of numbers.
@Suite struct RowMaskTests {
    private static func rows(_ mask: RowMask, below count: Int) -> Set<Int> {
        var rows: Set<Int> = []
        mask.forEach(in: 0..<count) { rows.insert($0) }
        return rows
    }

    @Test("runs of rows, around the ends of words")
    func runs() {
        for start in [0, 1, 62, 63, 64, 65, 127] {
            for end in [start, start + 1, 63, 64, 65, 128, 129, 190, 192] where end >= start {
                var mask = RowMask(count: 192)
                mask.insert(start..<end)
                #expect(Self.rows(mask, below: 192) == Set(start..<end))
                #expect(Self.rows(mask, below: 100) == Set((start..<end).filter { $0 < 100 }))
            }
        }
    }

    @Test("single rows, listed or one after the other")
    func single() {
        var random = SeededGenerator(seed: 51)
        let wanted = (0..<300).map { _ in UInt32.random(in: 0..<1000, using: &random) }
        var (listed, growing) = (RowMask(count: 1000), RowMask(count: 0))
        listed.insert(wanted[100...])
        for row in wanted[100...] { growing.insert(growing: Int(row)) }
        for mask in [listed, growing] {
            #expect(Self.rows(mask, below: 1000) == Set(wanted[100...].map(Int.init)))
        }
    }
}
