import Kernels

/// The metadata of some slots of an image, by path, kind and value.
final class MetadataSegment: Sendable {
    /// What one list of values is of.
    struct Column: Hashable, Sendable {
        /// The path's row number.
        let path: Int64
        /// As in the table.
        let kind: Int
    }

    private let columns: [Column: ValueLists]
    /// How many pairs of a value and a slot there are.
    let entryCount: Int

    init(_ columns: [Column: ValueLists]) {
        self.columns = columns
        entryCount = columns.values.reduce(0) { $0 + $1.slots.count }
    }

    /// The metadata of a few slots, each entry with its path's row number.
    convenience init(_ entries: [(slot: UInt32, path: Int64, entry: MetadataEntry)]) {
        var groups: [Column: [(value: Scalar, slot: UInt32)]] = [:]
        for (slot, path, entry) in entries {
            let column = Column(path: path, kind: entry.kindCode)
            groups[column, default: []].append((entry.value, slot))
        }
        self.init(
            groups.mapValues { group in
                var lists = ValueLists()
                var last: Scalar?
                for (value, slot) in group.sorted(by: { $0.value.precedes($1.value) }) {
                    if value != last { lists.append(value) }
                    last = value
                    lists.append(slot: slot)
                }
                lists.trim()
                return lists
            })
    }

    /// This and the metadata of later slots.
    func merged(with later: MetadataSegment) -> MetadataSegment {
        MetadataSegment(columns.merging(later.columns) { $0.merged(with: $1) })
    }

    /// Adds the slots whose metadata pass the test at the path with a row number. False when the values
    /// are not all here.
    func insertSlots(
        passing test: MetadataFilter.Test, at path: Int64, into mask: inout RowMask
    ) -> Bool {
        func lists(_ kind: Int) -> ValueLists? { columns[Column(path: path, kind: kind)] }
        switch test {
        case .exists:
            for kind in 0..<MetadataEntry.elementOffset {
                if let lists = lists(kind) { mask.insert(lists.slots[...]) }
            }
        case .equal(let values):
            for value in values {
                guard let lists = lists(value.kind.rawValue) else { continue }
                if lists.isAbridged { return false }
                mask.insert(lists.slots(of: lists.places(of: value)))
            }
        case .ordered(let ordering, let value):
            guard let lists = lists(value.kind.rawValue) else { return true }
            if lists.isAbridged { return false }
            mask.insert(lists.slots(of: lists.places(ordering, value)))
        case .contains(let value):
            if let elements = lists(value.kind.rawValue + MetadataEntry.elementOffset) {
                if elements.isAbridged { return false }
                mask.insert(elements.slots(of: elements.places(of: value)))
            }
            guard case .string(let part) = value, let texts = lists(value.kind.rawValue) else {
                return true
            }
            if texts.isAbridged { return false }
            texts.forEachPlace(containing: part) { place in
                mask.insert(texts.slots(of: place..<place + 1))
            }
        }
        return true
    }
}
