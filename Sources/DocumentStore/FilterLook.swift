import GRDB
import Kernels

/// Finds the rows of an image that pass a filter. A condition is looked up in the metadata in
/// memory, or by SQL where the values are too long to be held there; and, or and not are joined on
/// bits, which is quicker than row by row where many pass.
struct FilterLook {
    let snapshot: VectorImage.Snapshot
    let segments: [MetadataSegment]
    let db: Database

    /// The rows, dead ones not among them, whose documents pass, as the transaction of `db`, which
    /// the snapshot was made in, sees them.
    func rows(passing filter: MetadataFilter) throws -> RowMask {
        snapshot.rows(of: try slots(filter.root))
    }

    private func slots(_ node: MetadataFilter.Node) throws -> RowMask {
        switch node {
        case .all(let nodes):
            guard let first = nodes.first else { return all }
            return try nodes.dropFirst().reduce(into: slots(first)) { mask, node in
                mask.formIntersection(try slots(node))
            }
        case .any(let nodes):
            return try nodes.reduce(into: none) { mask, node in
                mask.formUnion(try slots(node))
            }
        case .not(let node):
            var mask = all
            mask.subtract(try slots(node))
            return mask
        case .test(let path, let test):
            var mask = none
            guard let row = try MetadataTable.existingPath(path, in: db) else { return mask }
            for segment in segments {
                guard segment.insertSlots(passing: test, at: row, into: &mask) else {
                    return try look(MetadataFilter.Node.look(path, test))
                }
            }
            return mask
        }
    }

    private var none: RowMask { RowMask(count: snapshot.slotCount) }
    private var all: RowMask { RowMask(count: snapshot.slotCount, all: true) }

    private func look(_ sql: Fragment) throws -> RowMask {
        var mask = none
        let documents = try Int64.fetchCursor(db, sql: sql.sql, arguments: sql.arguments)
        while let document = try documents.next() {
            if let slot = snapshot.slots[document] { mask[slot] = true }
        }
        return mask
    }
}
