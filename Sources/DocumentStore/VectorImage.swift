import Foundation
import GRDB
import Kernels
import Synchronization

/// The vectors of one model in memory, brought up to date with the file by each search: with every
/// write, by whatever connection or process, that the search's own transaction sees.
final class VectorImage: Sendable {
    /// Which vectors an image has.
    struct Key: Hashable, Sendable {
        enum Rows: Hashable, Sendable {
            case documents
            case passages
        }

        let model: Int64
        /// The length of the vectors; those of other lengths are not in it.
        let columns: Int
        let rows: Rows
    }

    /// An image at one moment. A document has a slot, which is its rows: one, or its passages.
    struct Snapshot: Sendable {
        /// How often the image was begun anew, which numbers its rows anew.
        let generation: Int
        /// The revision that it shows.
        var revision: Int64 = -1
        var vectors: VectorSet
        /// Rows whose document was changed or removed since.
        var dead = RowMask(count: 0)
        var deadCount = 0
        /// The document's row number in the file, of each row.
        var documents: [Int64] = []
        /// The passage's or encoding's row number in the file, of each row.
        var items: [Int64] = []
        /// The rows of each granularity of passages, dead ones among them.
        private(set) var granularities: [String: RowMask] = [:]
        /// The slot of each document that is alive.
        fileprivate(set) var slots = DocumentSlots()
        /// Of passages, the first row of each slot.
        fileprivate(set) var firstRows: [Int]?

        init(_ key: Key, generation: Int) {
            vectors = VectorSet(columns: key.columns)
            firstRows = key.rows == .passages ? [] : nil
            self.generation = generation
        }

        fileprivate mutating func note(_ granularity: String, row: Int) {
            granularities[granularity, default: RowMask(count: 0)].insert(growing: row)
        }

        /// The rows that are alive.
        var alive: RowMask {
            var mask = RowMask(count: vectors.count, all: true)
            mask.subtract(dead)
            return mask
        }
    }

    private let key: Key
    private let path: String
    private let state: Mutex<Snapshot>
    let masks = Mutex(FilterMasks())
    let metadata = Mutex(MetadataImage())

    init(key: Key, path: String) {
        self.key = key
        self.path = path
        state = Mutex(Snapshot(key, generation: 0))
    }

    /// The image as the transaction of `db` sees the file; nil when the image is ahead of it
    /// already: the caller then has to begin another transaction.
    func snapshot(_ db: Database) throws -> Snapshot? {
        let revision = try Counter.revision.value(in: db)
        guard revision >= 0 else {
            throw StoreError.corrupt(path: path, detail: "its revision is \(revision)")
        }
        return try state.withLock { state in
            if state.revision > revision { return nil }
            if state.revision < revision { try follow(&state, to: revision, db) }
            return state
        }
    }

    private func follow(_ state: inout Snapshot, to revision: Int64, _ db: Database) throws {
        let isFollowable = try state.revision >= Counter.oldestFollowable.value(in: db)
        // Taken out, so that it is changed in place; what fails half-way leaves an empty image.
        var next = Snapshot(key, generation: state.generation + 1)
        // An image that is mostly dead is read anew, which gives its memory back.
        if isFollowable, state.deadCount <= state.vectors.count / 2 + 4096 {
            swap(&state, &next)
        } else {
            state = next
        }
        if next.revision >= 0 { try remove(&next, db) }
        try append(&next, db)
        next.revision = revision
        state = next
    }

    /// Marks the rows of documents that changed since the image's revision.
    private func remove(_ state: inout Snapshot, _ db: Database) throws {
        let changed = try Int64.fetchAll(
            db,
            sql: """
                SELECT document_id FROM removed WHERE revision > ?1 UNION
                SELECT document_id FROM document_encoding WHERE model_id = ?2 AND revision > ?1
                """,
            arguments: [state.revision, key.model])
        state.dead.grow(to: state.vectors.count)
        for document in changed {
            guard let slot = state.slots[document] else { continue }
            let rows = state.rows(ofSlot: slot)
            state.slots[document] = nil
            state.dead.insert(rows)
            state.deadCount += rows.count
        }
    }

    /// Adds the rows that are newer than the image's revision.
    private func append(_ state: inout Snapshot, _ db: Database) throws {
        // The first time, all of them in the order of the file, without the detour of an index.
        let source = state.revision < 0 ? "NOT INDEXED" : ""
        let sql =
            switch key.rows {
            case .documents:
                """
                SELECT document_id, id, digest, vector, NULL FROM document_encoding \(source)
                WHERE model_id = ? AND revision > ? ORDER BY id
                """
            case .passages:
                """
                SELECT e.document_id, p.id, p.digest, p.vector, p.granularity
                FROM document_encoding AS e \(source) CROSS JOIN passage AS p
                    ON p.encoding_id = e.id
                WHERE e.model_id = ? AND e.revision > ? ORDER BY e.id, p.id
                """
            }
        let rows = try Row.fetchCursor(db, sql: sql, arguments: [key.model, state.revision])
        while let row = try rows.next() {
            guard let document = Int64.fromDatabaseValue(row[0]),
                let item = Int64.fromDatabaseValue(row[1]),
                let digest = Int64.fromDatabaseValue(row[2])
            else { throw StoreError.damagedRow(path: path, detail: "a vector has a wrong type") }
            let isKept = try row.withUnsafeData(atIndex: 3) { data in
                try add(data, digest: digest, to: &state) {
                    try DocumentReader.name(ofRow: document, in: db)
                }
            }
            guard isKept else { continue }
            let place = state.vectors.count - 1
            state.documents.append(document)
            state.items.append(item)
            if let granularity = String.fromDatabaseValue(row[4]) {
                state.note(granularity, row: place)
            }
            if key.rows == .documents {
                state.slots[document] = place
            } else if state.slots[document] == nil {
                state.slots[document] = state.slotCount
                state.firstRows?.append(place)
            }
        }
        state.dead.grow(to: state.vectors.count)
    }

    /// Whether the vector is of the image's length. One that is damaged ends the search: without it the
    /// answer could be another.
    private func add(
        _ data: Data?, digest: Int64, to state: inout Snapshot, name: () throws -> String
    ) throws -> Bool {
        guard let data else {
            throw StoreError.damagedRow(
                path: path, detail: "a vector of the document \"\(try name())\" has a wrong type")
        }
        return try data.withUnsafeBytes { bytes in
            guard VectorBytes.digest(bytes) == digest else {
                throw StoreError.damagedRow(
                    path: path,
                    detail:
                        "a vector of the document \"\(try name())\" differs from its digest; searches "
                        + "by meaning go on when it is put with another text, or deleted")
            }
            guard bytes.count == key.columns * 4 else { return false }
            guard state.vectors.append(bytes) else {
                throw StoreError.other(path: path, detail: "no memory for the vectors of a search")
            }
            return true
        }
    }
}
