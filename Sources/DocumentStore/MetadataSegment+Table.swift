import Foundation
import GRDB

extension MetadataSegment {
    /// The metadata of all documents of an image, read from the table in its own order.
    /// - Parameter slot: the slot of the document with a row number; nil when it has none.
    static func table(
        _ db: Database, path: String, slot: (Int64) -> UInt32?
    ) throws -> MetadataSegment {
        let known = try db.cachedStatement(sql: "SELECT id FROM metadata_path WHERE id = ?")
        var columns: [Column: ValueLists] = [:]
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT path_id, kind, value, document_id FROM metadata_value
                ORDER BY path_id, kind, value, document_id
                """)
        var (pathID, kind) = (Int64.min, Int.min)
        var value: Scalar?
        var lists = ValueLists()
        func finish() throws {
            if lists.slots.isEmpty { return }
            guard try Int64.fetchOne(known, arguments: [pathID]) != nil else { throw damage(path) }
            lists.trim()
            columns[Column(path: pathID, kind: kind)] = lists
            lists = ValueLists()
        }
        while let row = try rows.next() {
            guard let nextPath = row[0] as Int64?, let nextKind = row[1] as Int?,
                let document = row[3] as Int64?
            else { throw damage(path) }
            if nextPath != pathID || nextKind != kind {
                try finish()
                (pathID, kind, value) = (nextPath, nextKind, nil)
            }
            guard let slot = slot(document) else { continue }
            if try value.map({ try !$0.isStored(in: row, at: 2) }) ?? true {
                guard let next = try Scalar(row, at: 2, kind: kind) else { throw damage(path) }
                lists.append(next)
                value = next
            }
            lists.append(slot: slot)
        }
        try finish()
        return MetadataSegment(columns)
    }

    static func damage(_ path: String) -> StoreError {
        StoreError.damagedRow(path: path, detail: "metadata has a wrong type")
    }
}

extension Scalar {
    /// The value of a column with the number of its kind; nil when they do not belong together.
    fileprivate init?(_ row: Row, at index: Int, kind: Int) throws {
        switch Kind(rawValue: kind % MetadataEntry.elementOffset) {
        case .null: self = .null
        case .list: self = .list
        case .object: self = .object
        case .bool:
            guard let value = Int64.fromDatabaseValue(row[index]) else { return nil }
            self = .bool(value != 0)
        case .number:
            switch (row[index] as DatabaseValue).storage {
            case .int64(let value): self = .integer(value)
            case .double(let value): self = .number(value)
            default: return nil
            }
        case .string:
            let bytes = try row.withUnsafeData(atIndex: index) { $0.map(Array.init) }
            guard let bytes else { return nil }
            self = .string(bytes)
        case nil: return nil
        }
    }

    /// Whether a column of the same kind has this value.
    fileprivate func isStored(in row: Row, at index: Int) throws -> Bool {
        switch self {
        case .null, .list, .object: return true
        case .bool, .integer, .number: return databaseValue == row[index]
        case .string(let bytes):
            return try row.withUnsafeData(atIndex: index) { data in
                guard let data else { return false }
                return data.count == bytes.count && data.elementsEqual(bytes)
            }
        }
    }
}
