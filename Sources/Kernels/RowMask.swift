/// A set of row numbers, as bits.
package struct RowMask: Sendable, Equatable {
    private(set) var words: [UInt64]

    /// No row, or every row, below `count`.
    package init(count: Int, all: Bool = false) {
        words = [UInt64](repeating: all ? .max : 0, count: (count + 63) / 64)
    }

    /// Whether the row is in the set.
    package subscript(row: Int) -> Bool {
        get { row >> 6 < words.count && words[row >> 6] >> UInt64(row & 63) & 1 == 1 }
        set {
            let bit = UInt64(1) << UInt64(row & 63)
            if newValue { words[row >> 6] |= bit } else { words[row >> 6] &= ~bit }
        }
    }

    /// Makes room for rows below `count`, which are not in the set.
    package mutating func grow(to count: Int) {
        let missing = (count + 63) / 64 - words.count
        if missing > 0 { words += [UInt64](repeating: 0, count: missing) }
    }

    /// Adds these rows, each below the `count` that there is room for.
    package mutating func insert(_ rows: ArraySlice<UInt32>) {
        for row in rows { words[Int(row >> 6)] |= 1 << UInt64(row & 63) }
    }

    /// Adds a row, and makes room for it.
    package mutating func insert(growing row: Int) {
        grow(to: row + 1)
        self[row] = true
    }

    /// Adds a run of rows.
    package mutating func insert(_ rows: Range<Int>) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            let end = min(rows.upperBound, ((row >> 6) + 1) << 6)
            words[row >> 6] |= (UInt64.max >> UInt64(64 - (end - row))) << UInt64(row & 63)
            row = end
        }
    }

    /// Takes the rows of `other` out.
    package mutating func subtract(_ other: RowMask) {
        for index in 0..<min(words.count, other.words.count) {
            words[index] &= ~other.words[index]
        }
    }

    /// Keeps the rows only that `other` has too.
    package mutating func formIntersection(_ other: RowMask) {
        for index in words.indices {
            words[index] &= index < other.words.count ? other.words[index] : 0
        }
    }

    /// Adds the rows of `other`, which has room for no more.
    package mutating func formUnion(_ other: RowMask) {
        for index in 0..<min(words.count, other.words.count) { words[index] |= other.words[index] }
    }

    /// How many rows of `range`, which starts at a multiple of 64, are in the set.
    func count(in range: Range<Int>) -> Int {
        forWords(in: range, 0) { $0 + $1.nonzeroBitCount }
    }

    /// Calls `body` for each row of `range`, which starts at a multiple of 64, that is in the set.
    package func forEach(in range: Range<Int>, _ body: (Int) -> Void) {
        var base = range.lowerBound
        forWords(in: range, ()) { _, word in
            var word = word
            while word != 0 {
                body(base + word.trailingZeroBitCount)
                word &= word - 1
            }
            base += 64
        }
    }

    private func forWords<R>(in range: Range<Int>, _ start: R, _ body: (R, UInt64) -> R) -> R {
        precondition(range.lowerBound & 63 == 0)
        var result = start
        for first in stride(from: range.lowerBound, to: range.upperBound, by: 64) {
            var word = first >> 6 < words.count ? words[first >> 6] : 0
            let rest = range.upperBound - first
            if rest < 64 { word &= (1 << UInt64(rest)) - 1 }
            result = body(result, word)
        }
        return result
    }
}
