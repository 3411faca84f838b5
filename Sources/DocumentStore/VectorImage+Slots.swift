import Kernels

/// The documents of an image, by slot.
extension VectorImage.Snapshot {
    /// How many slots there are, dead ones among them.
    var slotCount: Int { firstRows?.count ?? vectors.count }

    /// The rows of a slot: they lie together.
    func rows(ofSlot slot: Int) -> Range<Int> {
        guard let firstRows else { return slot..<slot + 1 }
        return firstRows[slot]..<(slot + 1 < firstRows.count ? firstRows[slot + 1] : vectors.count)
    }

    /// Whether the slot's rows show its document as it is.
    func isAlive(slot: Int) -> Bool { !dead[firstRow(slot)] }

    /// The row number in the file of a slot's document.
    func document(ofSlot slot: Int) -> Int64 { documents[firstRow(slot)] }

    private func firstRow(_ slot: Int) -> Int { firstRows?[slot] ?? slot }

    /// The rows that are alive, of these slots.
    func rows(of slots: RowMask) -> RowMask {
        var rows = slots
        if let firstRows {
            rows = RowMask(count: vectors.count)
            slots.forEach(in: 0..<firstRows.count) { slot in
                rows.insert(self.rows(ofSlot: slot))
            }
        }
        rows.subtract(dead)
        return rows
    }
}
