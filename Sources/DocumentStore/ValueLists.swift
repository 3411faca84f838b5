import Kernels

/// The different values of one kind at one path, in their order, and which slots of an image have
/// each: what the index of metadata has for them, in memory.
struct ValueLists: Sendable {
    /// All values but strings.
    private var scalars: [Scalar] = []
    /// The strings one after the other, so that a part is found in all of them at once.
    private var text: [UInt8] = []
    private var textEnds: [UInt32] = []
    /// Where the slots of each value end.
    private var ends: [UInt32] = []
    /// The slots, value by value.
    private(set) var slots: [UInt32] = []
    /// Whether the values were too long to keep; then there are only slots.
    private(set) var isAbridged = false

    /// Strings longer than this for each of their slots are left to the file.
    static let meanTextLimit = 256
    /// Of few slots, strings are kept up to this many bytes.
    static let textFloor = 65_536

    /// How many values there are.
    var count: Int { ends.count }

    /// The value at a place in the order.
    func value(_ index: Int) -> Scalar {
        scalars.isEmpty ? .string(Array(text[range(index)])) : scalars[index]
    }

    /// The slots of the values at these places.
    func slots(of values: Range<Int>) -> ArraySlice<UInt32> {
        if values.isEmpty { return [] }
        let start = values.lowerBound == 0 ? 0 : Int(ends[values.lowerBound - 1])
        return slots[start..<Int(ends[values.upperBound - 1])]
    }

    private func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(textEnds[index - 1]))..<Int(textEnds[index])
    }

    // MARK: Making

    /// Adds a value that stands after all others.
    mutating func append(_ value: Scalar) {
        if isAbridged { return }
        if case .string(let bytes) = value {
            text += bytes
            let limit = max(Self.textFloor, Self.meanTextLimit * slots.count)
            if text.count > min(limit, Int(UInt32.max)) { return abridge() }
            textEnds.append(UInt32(text.count))
        } else {
            scalars.append(value)
        }
        ends.append(UInt32(slots.count))
    }

    /// Adds a slot to the last value.
    mutating func append(slot: UInt32) {
        slots.append(slot)
        if !isAbridged { ends[ends.count - 1] += 1 }
    }

    private mutating func append(slots more: ArraySlice<UInt32>) {
        slots += more
        if !isAbridged { ends[ends.count - 1] = UInt32(slots.count) }
    }

    private mutating func abridge() {
        isAbridged = true
        (scalars, text, textEnds, ends) = ([], [], [], [])
    }

    /// Gives back what the arrays grew beyond their contents.
    mutating func trim() {
        scalars = scalars.withUnsafeBufferPointer { Array($0) }
        text = text.withUnsafeBufferPointer { Array($0) }
        textEnds = textEnds.withUnsafeBufferPointer { Array($0) }
        ends = ends.withUnsafeBufferPointer { Array($0) }
        slots = slots.withUnsafeBufferPointer { Array($0) }
    }

    /// These and the ones of later slots.
    func merged(with later: ValueLists) -> ValueLists {
        var merged = ValueLists()
        merged.slots.reserveCapacity(slots.count + later.slots.count)
        if isAbridged || later.isAbridged {
            merged.abridge()
            merged.append(slots: slots[...])
            merged.append(slots: later.slots[...])
            return merged
        }
        var (index, other) = (0, 0)
        while index < count || other < later.count {
            let a = index < count ? value(index) : nil
            let b = other < later.count ? later.value(other) : nil
            let isFirst = a.map { a in b.map { !$0.precedes(a) } ?? true } ?? false
            let isSecond = b.map { b in a.map { !$0.precedes(b) } ?? true } ?? false
            if let next = isFirst ? a : b { merged.append(next) }
            if isFirst {
                merged.append(slots: slots(of: index..<index + 1))
                index += 1
            }
            if isSecond {
                merged.append(slots: later.slots(of: other..<other + 1))
                other += 1
            }
        }
        merged.trim()
        return merged
    }

    // MARK: Looking

    /// The place of this value; empty where there is none.
    func places(of value: Scalar) -> Range<Int> {
        let start = firstPlace { !$0.precedes(value) }
        let isThere = start < count && !value.precedes(self.value(start))
        return start..<(isThere ? start + 1 : start)
    }

    /// The places of the values so ordered to this one.
    func places(_ ordering: MetadataFilter.Ordering, _ value: Scalar) -> Range<Int> {
        switch ordering {
        case .less: 0..<firstPlace { !$0.precedes(value) }
        case .lessOrEqual: 0..<firstPlace { value.precedes($0) }
        case .greater: firstPlace { value.precedes($0) }..<count
        case .greaterOrEqual: firstPlace { !$0.precedes(value) }..<count
        }
    }

    /// The first place from which on `isAfter` is true.
    private func firstPlace(where isAfter: (Scalar) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isAfter(value(middle)) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Calls `body` with the place of each string that has this part.
    func forEachPlace(containing part: [UInt8], _ body: (Int) -> Void) {
        if part.isEmpty { return (0..<count).forEach(body) }
        var place = 0
        ByteSearch.forEachPlace(of: part, in: text) { offset in
            place = self.place(at: offset, from: place)
            let end = Int(textEnds[place])
            // Where two strings meet is none that has it.
            if offset + part.count > end { return offset + 1 }
            body(place)
            return end
        }
    }

    /// The place of the string that the byte belongs to.
    private func place(at offset: Int, from first: Int) -> Int {
        var (low, step) = (first, 1)
        // Hits follow each other: the place is near the last one.
        while low + step < count, Int(textEnds[low + step - 1]) <= offset {
            low += step
            step *= 2
        }
        var high = min(low + step, count) - 1
        while low < high {
            let middle = (low + high) / 2
            if Int(textEnds[middle]) > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
