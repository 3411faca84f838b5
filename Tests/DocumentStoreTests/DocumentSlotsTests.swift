import TestSupport
import Testing

@testable import DocumentStore

/// Slots of documents against a dictionary.
struct DocumentSlotsTests {
    @Test("near, far and negative row numbers, set, changed and taken out")
    func againstDictionary() {
        var random = SeededGenerator(seed: 70)
        let numbers: [Int64] =
            (0..<600).map { $0 } + [-1, -256, -257, .min, .max, 1 << 40, (1 << 40) + 255]
        var (slots, expected) = (DocumentSlots(), [Int64: Int]())
        for step in 0..<3000 {
            let number = numbers[Int.random(in: 0..<numbers.count, using: &random)]
            let slot = Bool.random(using: &random) ? Int.random(in: 0..<4, using: &random) : nil
            slots[number] = slot
            expected[number] = slot
            if step % 500 == 0 { #expect(numbers.allSatisfy { slots[$0] == expected[$0] }) }
        }
        #expect(numbers.allSatisfy { slots[$0] == expected[$0] })
    }
}
