import Foundation
import GRDB

/// SQL with the values that its question marks stand for.
struct Fragment: Sendable {
    var sql: String
    var values: [DatabaseValue]

    init(sql: String, values: [any DatabaseValueConvertible] = []) {
        self.sql = sql
        self.values = values.map(\.databaseValue)
    }

    /// The values as GRDB takes them.
    var arguments: StatementArguments { StatementArguments(values) }

    /// This with `other` after it.
    mutating func append(_ other: Fragment) {
        sql += other.sql
        values += other.values
    }
}

extension MetadataFilter {
    /// A condition on `column`, an expression of ours for a document's row number. Nothing of the
    /// filter is in the text: paths and values are all bound.
    func condition(on column: String) -> Fragment {
        var fragment = Fragment(sql: "")
        FilterCondition(root).write(to: &fragment, on: column, isEnclosed: true)
        return fragment
    }
}

extension FilterCondition {
    fileprivate func write(to fragment: inout Fragment, on column: String, isEnclosed: Bool) {
        switch form {
        case .constant(let value): fragment.sql += value ? "1" : "0"
        case .test(let path, let test, let isNegated):
            fragment.sql += "\(column) \(isNegated ? "NOT IN" : "IN") ("
            fragment.append(MetadataFilter.Node.look(path, test))
            fragment.sql += ")"
        case .join(let word, let parts):
            if isEnclosed { fragment.sql += "(" }
            for (index, part) in parts.enumerated() {
                if index > 0 { fragment.sql += word.rawValue }
                part.write(to: &fragment, on: column, isEnclosed: part.isEnclosed(in: word))
            }
            if isEnclosed { fragment.sql += ")" }
        }
    }
}

extension MetadataFilter.Node {
    /// The row numbers of the documents that a test holds for, some of them more than once.
    static func look(_ path: [UInt8], _ test: MetadataFilter.Test) -> Fragment {
        var fragment = Fragment(
            sql: """
                SELECT document_id FROM metadata_value WHERE path_id = \
                (SELECT id FROM metadata_path WHERE path = ?)
                """,
            values: [Data(path)])
        switch test {
        case .exists:
            fragment.append(Fragment(sql: " AND kind < ?", values: [MetadataEntry.elementOffset]))
        case .equal(let values): fragment.append(equal(values))
        case .ordered(let ordering, let value):
            fragment.append(
                Fragment(
                    sql: " AND kind = ? AND value \(ordering.rawValue) ?",
                    values: [value.kind.rawValue, value.databaseValue]))
        case .contains(let value): fragment.append(contains(value))
        }
        return fragment
    }

    private static func equal(_ values: [Scalar]) -> Fragment {
        if values.isEmpty { return Fragment(sql: " AND 0") }
        let pairs = values.map { _ in "(?, ?)" }.joined(separator: ", ")
        return Fragment(
            sql: values.count == 1
                ? " AND kind = ? AND value = ?" : " AND (kind, value) IN (VALUES \(pairs))",
            values: values.flatMap {
                [$0.kind.rawValue, $0.databaseValue] as [any DatabaseValueConvertible]
            })
    }

    private static func contains(_ value: Scalar) -> Fragment {
        let element = value.kind.rawValue + MetadataEntry.elementOffset
        guard value.kind == .string else {
            return Fragment(
                sql: " AND kind = ? AND value = ?", values: [element, value.databaseValue])
        }
        return Fragment(
            sql: " AND ((kind = ? AND value = ?) OR (kind = ? AND instr(value, ?) > 0))",
            values: [
                element, value.databaseValue, Scalar.Kind.string.rawValue, value.databaseValue,
            ])
    }
}

extension Scalar {
    /// The value in the column of values. Strings are blobs, which SQLite compares byte by byte
    /// and does not end at a zero byte.
    var databaseValue: DatabaseValue {
        switch self {
        case .null, .list, .object: 0.databaseValue
        case .bool(let value): (value ? 1 : 0).databaseValue
        case .integer(let value): value.databaseValue
        case .number(let value): value.databaseValue
        case .string(let bytes): Data(bytes).databaseValue
        }
    }
}
