/// Where the tokens of one text go: all are counted, the first `capacity` are kept.
struct PieceSink: Sendable {
    private(set) var ids: [Int32] = []
    private(set) var offsets: [Range<Int>] = []
    private(set) var count = 0
    private let capacity: Int

    /// - Parameters:
    ///   - capacity: the most tokens that are kept.
    ///   - expected: tokens to reserve room for.
    init(capacity: Int, expected: Int) {
        self.capacity = capacity
        ids.reserveCapacity(min(capacity, expected))
        offsets.reserveCapacity(min(capacity, expected))
    }

    @inline(__always)
    mutating func append(_ id: Int32, _ start: Int, _ end: Int) {
        if count < capacity {
            ids.append(id)
            offsets.append(Range(uncheckedBounds: (start, end)))
        }
        count += 1
    }
}
