import GRDB
import Kernels

/// The rows of an image that pass filters. Each condition is looked up in the index of metadata by
/// SQL; and, or and not are joined on bits, which is quicker than row by row where many pass.
struct FilterMasks: Sendable {
    private var revision: Int64 = -1
    private var masks: [MetadataFilter: RowMask] = [:]

    /// How many masks are kept until documents change.
    private static let capacity = 32

    /// The rows, dead ones not among them, whose documents pass, as the transaction of `db`, which
    /// the snapshot was made in, sees them.
    static func mask(
        _ filter: MetadataFilter, _ snapshot: VectorImage.Snapshot, _ db: Database
    ) throws -> RowMask {
        try FilterLook(snapshot: snapshot, db: db).rows(filter.root)
    }

    /// The mask that was made for this filter at this revision.
    func find(_ filter: MetadataFilter, revision: Int64) -> RowMask? {
        revision == self.revision ? masks[filter] : nil
    }

    /// Keeps a mask, unless it is of an older revision than others.
    mutating func keep(_ mask: RowMask, for filter: MetadataFilter, revision: Int64) {
        if revision < self.revision { return }
        if revision > self.revision || masks.count >= Self.capacity { masks = [:] }
        self.revision = revision
        masks[filter] = mask
    }
}

private struct FilterLook {
    let snapshot: VectorImage.Snapshot
    let db: Database

    func rows(_ node: MetadataFilter.Node) throws -> RowMask {
        switch node {
        case .all(let nodes):
            guard let first = nodes.first else { return snapshot.alive }
            return try nodes.dropFirst().reduce(into: rows(first)) { mask, node in
                mask.formIntersection(try rows(node))
            }
        case .any(let nodes):
            return try nodes.reduce(into: RowMask(count: snapshot.vectors.count)) { mask, node in
                mask.formUnion(try rows(node))
            }
        case .not(let node):
            var mask = snapshot.alive
            mask.subtract(try rows(node))
            return mask
        case .test(let path, let test):
            return try look(MetadataFilter.Node.look(path, test))
        }
    }

    private func look(_ sql: Fragment) throws -> RowMask {
        var mask = RowMask(count: snapshot.vectors.count)
        let documents = try Int64.fetchCursor(db, sql: sql.sql, arguments: sql.arguments)
        while let document = try documents.next() {
            for row in snapshot.places[document] ?? 0..<0 { mask[row] = true }
        }
        return mask
    }
}
