import Foundation
import GRDB

/// A place in an ordered list: the last document that was answered.
struct DocumentCursor: Equatable {
    let order: DocumentQuery.Order
    /// Milliseconds; 0 in the order of ids.
    let time: Int64
    let id: String

    init(order: DocumentQuery.Order, time: Int64, id: String) {
        self.order = order
        self.time = time
        self.id = id
    }

    /// Reads what `text` writes.
    init(_ text: String, order: DocumentQuery.Order) throws(StoreError) {
        let base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        // By scalars: an id may begin with an accent, which would be one character with the colon.
        let fields = Data(base64Encoded: base64 + padding)
            .flatMap { String(data: $0, encoding: .utf8) }?.unicodeScalars
            .split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard let fields, fields.count == 3, let time = Int64(fields[1]), !fields[2].isEmpty else {
            throw .invalid(field: "cursor", reason: "was not made by this server")
        }
        guard fields[0] == order.rawValue else {
            throw .invalid(field: "cursor", reason: "belongs to a list in another order")
        }
        self.init(order: order, time: time, id: fields[2])
    }

    /// Letters, digits, - and _ only.
    var text: String {
        Data("\(order.rawValue):\(time):\(id)".utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// A page of a list, as SQL.
struct DocumentList {
    let query: DocumentQuery
    let cursor: DocumentCursor?
    let path: String

    func page(_ db: Database) throws -> DocumentPage {
        let reader = try DocumentReader(
            db, path: path, parts: query.parts, fingerprint: query.model, orNewest: true)
        let statement = statement
        let rows = try Row.fetchCursor(db, sql: statement.sql, arguments: statement.arguments)
        var page = DocumentPage(documents: [])
        var bytes = 0
        // One more than asked for tells whether there is a next page.
        while let row = try rows.next() {
            if page.documents.count == query.limit || bytes >= StoredDocument.readingLimit {
                page.next = page.documents.last.map(cursor)?.text
                break
            }
            let document = try reader.document(row)
            bytes += document.estimatedBytes
            page.documents.append(document)
        }
        return page
    }

    /// The place of a document in the list.
    private func cursor(_ document: StoredDocument) -> DocumentCursor {
        let time =
            switch query.order {
            case .id: Int64(0)
            case .created: document.createdAt.milliseconds
            case .updated: document.updatedAt.milliseconds
            }
        return DocumentCursor(order: query.order, time: time, id: document.id)
    }

    private var statement: Fragment {
        var conditions: [Fragment] = []
        let comparison = query.isDescending ? "<" : ">"
        let column: String? =
            switch query.order {
            case .id: nil
            case .created: "d.created_at"
            case .updated: "d.updated_at"
            }
        if let cursor {
            conditions.append(
                column.map {
                    Fragment(
                        sql: "(\($0), d.name) \(comparison) (?, ?)",
                        values: [cursor.time, cursor.id])
                } ?? Fragment(sql: "d.name \(comparison) ?", values: [cursor.id]))
        }
        if let filter = query.filter { conditions.append(filter.condition(on: "d.id")) }
        var statement = Fragment(sql: "SELECT \(DocumentReader.columns) FROM document AS d")
        for (index, condition) in conditions.enumerated() {
            statement.append(Fragment(sql: index == 0 ? " WHERE " : " AND "))
            statement.append(condition)
        }
        let direction = query.isDescending ? "DESC" : "ASC"
        let order = ([column].compactMap { $0 } + ["d.name"]).map { "\($0) \(direction)" }
        statement.append(
            Fragment(
                sql: " ORDER BY \(order.joined(separator: ", ")) LIMIT ?",
                values: [min(query.limit, 1 << 30) + 1]))
        return statement
    }
}
