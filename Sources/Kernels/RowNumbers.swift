/// Numbers of rows of a table, one for each row of a pass: made once and filled anew for each pass.
package final class RowNumbers {
    /// How many there is room for.
    package let capacity: Int
    /// How many there are.
    package private(set) var count = 0
    let base: UnsafeMutablePointer<Int32>

    /// No numbers, and room for `capacity`.
    package init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: max(capacity, 1))
    }

    deinit { base.deallocate() }

    /// Forgets them all.
    package func removeAll() { count = 0 }

    /// Adds these.
    package func append(_ numbers: [Int32]) {
        numbers.withUnsafeBufferPointer { numbers in
            guard let start = numbers.baseAddress else { return }
            grow(by: numbers.count).update(from: start, count: numbers.count)
        }
    }

    /// Adds `count` zeros.
    package func append(zeros count: Int) { grow(by: count).update(repeating: 0, count: count) }

    /// Adds 0, 1, 2, … below `end`.
    package func append(upTo end: Int) {
        let place = grow(by: end)
        for i in 0..<end { place[i] = Int32(truncatingIfNeeded: i) }
    }

    /// Whether all are numbers of rows of `table`.
    func lie(in table: Matrix) -> Bool {
        let range = 0..<Int32(clamping: table.rows)
        return UnsafeBufferPointer(start: base, count: count).allSatisfy(range.contains)
    }

    private func grow(by more: Int) -> UnsafeMutablePointer<Int32> {
        precondition(more >= 0 && count + more <= capacity, "more numbers than there is room for")
        defer { count += more }
        return base + count
    }
}
