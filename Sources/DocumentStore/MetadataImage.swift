import GRDB

/// The metadata of an image's slots in memory, brought up to date by each search with a filter that
/// no mask is kept for. The index of metadata in the file stays what it is made from.
///
/// A slot's metadata never change: a document whose metadata changed has a new slot.
struct MetadataImage: Sendable {
    private var generation = Int.min
    private var revision: Int64 = -1
    /// Of slots that follow each other, each at least twice as large as the next.
    private var segments: [MetadataSegment] = []
    private var slotCount = 0

    /// More new slots than this, and than one in sixteen, are read with all others from the table.
    private static let fewSlots = 64

    /// The metadata of the snapshot's slots, those that are dead excepted, as the transaction of
    /// `db`, which the snapshot was made in, sees them; nil when this is ahead of it already.
    mutating func segments(
        for snapshot: VectorImage.Snapshot, _ db: Database, path: String
    ) throws -> [MetadataSegment]? {
        let slots = snapshot.slotCount
        if (generation, revision) > (snapshot.generation, snapshot.revision) { return nil }
        if generation < snapshot.generation { self = MetadataImage() }
        let missing = slots - slotCount
        if missing > max(Self.fewSlots, slotCount / 16) || generation < snapshot.generation {
            segments = [
                try MetadataSegment.table(db, path: path) { document in
                    snapshot.slots[document].map(UInt32.init)
                }
            ]
        } else if missing > 0 {
            try append(slotCount..<slots, of: snapshot, db, path: path)
        }
        (generation, revision, slotCount) = (snapshot.generation, snapshot.revision, slots)
        return segments
    }

    private mutating func append(
        _ slots: Range<Int>, of snapshot: VectorImage.Snapshot, _ db: Database, path: String
    ) throws {
        let statement = try db.cachedStatement(sql: "SELECT metadata FROM document WHERE id = ?")
        var entries: [(slot: UInt32, path: Int64, entry: MetadataEntry)] = []
        var paths: [[UInt8]: Int64] = [:]
        for slot in slots where snapshot.isAlive(slot: slot) {
            let document = snapshot.document(ofSlot: slot)
            let json = try String.fetchOne(statement, arguments: [document])
            guard let members = json.flatMap({ DocumentMetadata(json: $0).members }) else {
                let name = try DocumentReader.name(ofRow: document, in: db)
                throw StoreError.damagedRow(
                    path: path, detail: "the metadata of the document \"\(name)\" are not JSON")
            }
            for entry in MetadataEntry.all(of: members) {
                let known = try paths[entry.path] ?? MetadataTable.existingPath(entry.path, in: db)
                guard let known else { throw MetadataSegment.damage(path) }
                paths[entry.path] = known
                entries.append((UInt32(slot), known, entry))
            }
        }
        if entries.isEmpty { return }
        segments.append(MetadataSegment(entries))
        while let last = segments.last, let other = segments.dropLast().last,
            last.entryCount * 2 > other.entryCount
        {
            segments.removeLast(2)
            segments.append(other.merged(with: last))
        }
    }
}
