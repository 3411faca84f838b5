/// A condition on metadata, in Chroma's language.
///
/// A filter is an object. A member named by a path (`year`, `author.name`) has a condition: a
/// value, which means `$eq`, or an object of operators, all of which must hold. `$and` and `$or`
/// take lists of filters, `$not` takes one. Several members must all hold; `{}` lets all through.
///
/// | operator | holds when the metadata has, at the path, |
/// |---|---|
/// | `$eq: v` | this string, number, boolean or null |
/// | `$ne: v` | no such value: also when there is nothing at the path |
/// | `$gt $gte $lt $lte: v` | a number (or, for a string `v`, a string) so ordered |
/// | `$in: [v…]`, `$nin: [v…]` | one of the values; none of them |
/// | `$contains: v`, `$not_contains: v` | a list with this element, or a string with this part; neither |
/// | `$exists: b` | anything at all, null included (`true`), or nothing (`false`) |
/// | `$not: {…}` | what the operators inside do not hold for |
///
/// Values of different kinds are never equal or ordered: 1, "1", true and null are four values, and
/// a missing member is none of them. 1 and 1.0 are one number. Strings are compared by their UTF-8
/// bytes. A dot in a path leads into an object, never into a list; a member whose own name has a
/// dot is found by the same spelling.
package struct MetadataFilter: Sendable, Hashable {
    indirect enum Node: Sendable, Hashable {
        case all([Node])
        case any([Node])
        case not(Node)
        /// The path in UTF-8: strings of Swift would be equal to those of other bytes.
        case test(path: [UInt8], Test)
    }

    enum Test: Sendable, Hashable {
        case equal([Scalar])
        case ordered(Ordering, Scalar)
        case contains(Scalar)
        case exists
    }

    enum Ordering: String, Sendable, Hashable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    let root: Node

    /// The largest number of filters inside each other.
    package static let maximumDepth = 32

    /// The largest number of values in one filter.
    package static let maximumSize = 10_000

    /// The largest number of conditions in one filter.
    package static let maximumConditions = 1000

    /// The largest number of `$contains` and `$not_contains` in one filter: each reads every string at
    /// its path.
    package static let maximumContaining = 32

    /// Reads a filter from JSON.
    /// - Throws: what is wrong, and where in the filter.
    package init(_ value: MetadataValue) throws(MetadataFilterError) {
        var parser = FilterParser()
        root = try parser.filter(value, at: "filter", depth: 0)
        let condition = FilterCondition(root)
        guard condition.stack <= FilterCondition.maximumStack,
            condition.height <= FilterCondition.maximumHeight
        else {
            throw MetadataFilterError(
                path: "filter", reason: "too many filters that are joined lie in each other")
        }
    }
}

extension MetadataFilter {
    /// About how much memory it takes.
    var estimatedBytes: Int { root.estimatedBytes }
}

extension MetadataFilter.Node {
    fileprivate var estimatedBytes: Int {
        switch self {
        case .all(let nodes), .any(let nodes): nodes.reduce(32) { $0 + $1.estimatedBytes }
        case .not(let node): 32 + node.estimatedBytes
        case .test(let path, let test):
            switch test {
            case .equal(let values): values.reduce(32 + path.count) { $0 + $1.estimatedBytes }
            case .ordered(_, let value), .contains(let value):
                32 + path.count + value.estimatedBytes
            case .exists: 32 + path.count
            }
        }
    }
}

extension Scalar {
    fileprivate var estimatedBytes: Int {
        if case .string(let bytes) = self { 32 + bytes.count } else { 32 }
    }
}

/// Why a filter is none.
package struct MetadataFilterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The place in the filter, e.g. `filter.$or[1].year.$gte`.
    package let path: String
    /// What is wrong there.
    package let reason: String

    package var description: String { "\(path): \(reason)" }
}

private struct FilterParser {
    private var size = 0
    private var conditions = 0
    private var containing = 0

    mutating func filter(
        _ value: MetadataValue, at path: String, depth: Int
    ) throws(MetadataFilterError) -> MetadataFilter.Node {
        guard depth <= MetadataFilter.maximumDepth else {
            throw MetadataFilterError(
                path: path, reason: "more than \(MetadataFilter.maximumDepth) filters in each other"
            )
        }
        guard case .object(let members) = value else {
            throw MetadataFilterError(
                path: path, reason: "expected an object, got \(value.kindName)")
        }
        var nodes: [MetadataFilter.Node] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let place = path + "." + name
            switch name {
            case "$and": nodes.append(.all(try list(value, at: place, depth: depth)))
            case "$or": nodes.append(.any(try list(value, at: place, depth: depth)))
            case "$not": nodes.append(.not(try filter(value, at: place, depth: depth + 1)))
            case _ where name.hasPrefix("$"):
                throw MetadataFilterError(
                    path: place,
                    reason: "no such operator here; known are $and, $or, $not and paths")
            default:
                nodes.append(try condition(value, path: name, at: place, depth: depth))
            }
        }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    private mutating func list(
        _ value: MetadataValue, at path: String, depth: Int
    ) throws(MetadataFilterError) -> [MetadataFilter.Node] {
        guard case .array(let values) = value, !values.isEmpty else {
            throw MetadataFilterError(path: path, reason: "expected a list of one filter or more")
        }
        var nodes: [MetadataFilter.Node] = []
        for (index, value) in values.enumerated() {
            try count(at: path)
            nodes.append(try filter(value, at: "\(path)[\(index)]", depth: depth + 1))
        }
        return nodes
    }

    private mutating func condition(
        _ value: MetadataValue, path: String, at place: String, depth: Int
    ) throws(MetadataFilterError) -> MetadataFilter.Node {
        guard case .object(let members) = value else {
            return try test("$eq", value, path: path, at: place, depth: depth)
        }
        guard !members.isEmpty else {
            throw MetadataFilterError(path: place, reason: "expected an operator such as $eq")
        }
        var nodes: [MetadataFilter.Node] = []
        for (name, operand) in members.sorted(by: { $0.key < $1.key }) {
            nodes.append(
                try test(
                    name, operand, path: path, at: place + "." + name, depth: depth))
        }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    private mutating func test(
        _ name: String, _ operand: MetadataValue, path: String, at place: String, depth: Int
    ) throws(MetadataFilterError) -> MetadataFilter.Node {
        conditions += 1
        guard conditions <= MetadataFilter.maximumConditions else {
            throw MetadataFilterError(
                path: place,
                reason: "more than \(MetadataFilter.maximumConditions) conditions in a filter")
        }
        func node(_ test: MetadataFilter.Test) -> MetadataFilter.Node {
            .test(path: Array(path.utf8), test)
        }
        switch name {
        case "$eq": return node(.equal([try scalar(operand, at: place)]))
        case "$ne": return .not(node(.equal([try scalar(operand, at: place)])))
        case "$gt": return node(.ordered(.greater, try orderable(operand, at: place)))
        case "$gte": return node(.ordered(.greaterOrEqual, try orderable(operand, at: place)))
        case "$lt": return node(.ordered(.less, try orderable(operand, at: place)))
        case "$lte": return node(.ordered(.lessOrEqual, try orderable(operand, at: place)))
        case "$in": return node(.equal(try scalars(operand, at: place)))
        case "$nin": return .not(node(.equal(try scalars(operand, at: place))))
        case "$contains": return node(try contains(operand, at: place))
        case "$not_contains": return .not(node(try contains(operand, at: place)))
        case "$exists":
            guard case .bool(let isThere) = operand else {
                throw MetadataFilterError(
                    path: place, reason: "expected true or false, got \(operand.kindName)")
            }
            return isThere ? node(.exists) : .not(node(.exists))
        case "$not":
            guard depth < MetadataFilter.maximumDepth, case .object = operand else {
                throw MetadataFilterError(
                    path: place, reason: "expected an object of operators")
            }
            return .not(try condition(operand, path: path, at: place, depth: depth + 1))
        case _ where name.hasPrefix("$"):
            throw MetadataFilterError(
                path: place,
                reason: "no such operator; known are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, "
                    + "$contains, $not_contains, $exists and $not")
        default:
            throw MetadataFilterError(
                path: place,
                reason: "expected an operator such as $eq; a member of an object is written "
                    + "\"\(path).\(name)\"")
        }
    }

    private mutating func contains(
        _ operand: MetadataValue, at place: String
    ) throws(MetadataFilterError) -> MetadataFilter.Test {
        containing += 1
        guard containing <= MetadataFilter.maximumContaining else {
            throw MetadataFilterError(
                path: place,
                reason: "more than \(MetadataFilter.maximumContaining) of $contains and "
                    + "$not_contains in a filter")
        }
        return .contains(try scalar(operand, at: place))
    }

    private mutating func scalars(
        _ value: MetadataValue, at path: String
    ) throws(MetadataFilterError) -> [Scalar] {
        guard case .array(let values) = value else {
            throw MetadataFilterError(path: path, reason: "expected a list, got \(value.kindName)")
        }
        var scalars: [Scalar] = []
        for (index, value) in values.enumerated() {
            // The place is only written out where it is needed: there may be many, of long names.
            do throws(MetadataFilterError) {
                scalars.append(try scalar(value, at: ""))
            } catch {
                throw MetadataFilterError(path: "\(path)[\(index)]", reason: error.reason)
            }
        }
        return scalars
    }

    private mutating func orderable(
        _ value: MetadataValue, at path: String
    ) throws(MetadataFilterError) -> Scalar {
        let scalar = try scalar(value, at: path)
        switch scalar.kind {
        case .number, .string: return scalar
        default:
            throw MetadataFilterError(
                path: path, reason: "expected a number or a string, got \(value.kindName)")
        }
    }

    private mutating func scalar(
        _ value: MetadataValue, at path: String
    ) throws(MetadataFilterError) -> Scalar {
        try count(at: path)
        guard let scalar = Scalar(value) else {
            throw MetadataFilterError(
                path: path,
                reason: "expected a string, a number, a boolean or null, got \(value.kindName)")
        }
        return scalar
    }

    /// Counts a value more.
    private mutating func count(at path: String) throws(MetadataFilterError) {
        size += 1
        guard size <= MetadataFilter.maximumSize else {
            throw MetadataFilterError(
                path: path, reason: "more than \(MetadataFilter.maximumSize) values in a filter")
        }
    }
}
