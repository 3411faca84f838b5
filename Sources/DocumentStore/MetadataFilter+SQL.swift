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
    func condition(on column: String) -> Fragment { root.condition(on: column) }
}

extension MetadataFilter.Node {
    fileprivate func condition(on column: String) -> Fragment {
        switch self {
        case .all(let nodes): Self.join(nodes, " AND ", none: "1", column)
        case .any(let nodes): Self.join(nodes, " OR ", none: "0", column)
        case .not(let node):
            Fragment(sql: "NOT ", values: []).with(node.condition(on: column))
        case .test(let path, let test):
            Fragment(sql: "\(column) IN (").with(Self.look(path, test)).with(Fragment(sql: ")"))
        }
    }

    private static func join(
        _ nodes: [Self], _ word: String, none: String, _ column: String
    ) -> Fragment {
        if nodes.isEmpty { return Fragment(sql: none) }
        // As a balanced tree: SQLite bounds how deep an expression may be.
        if nodes.count > 2 {
            let half = nodes.count / 2
            return joined(
                join(Array(nodes[..<half]), word, none: none, column), word,
                join(Array(nodes[half...]), word, none: none, column))
        }
        let first = nodes[0].condition(on: column)
        return nodes.count == 1 ? first : joined(first, word, nodes[1].condition(on: column))
    }

    private static func joined(_ left: Fragment, _ word: String, _ right: Fragment) -> Fragment {
        Fragment(sql: "(").with(left).with(Fragment(sql: word)).with(right)
            .with(Fragment(sql: ")"))
    }

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

extension Fragment {
    fileprivate func with(_ other: Fragment) -> Fragment {
        Fragment(sql: sql + other.sql, values: values + other.values)
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
