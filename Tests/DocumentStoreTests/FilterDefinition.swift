import DocumentStore
import TestSupport

/// The filter language, straight from its description and on the JSON itself: what SQL is compared
/// with.
enum FilterDefinition {
    static func holds(_ filter: MetadataValue, for members: [String: MetadataValue]) -> Bool {
        guard case .object(let conditions) = filter else { return false }
        return conditions.allSatisfy { name, value in
            switch name {
            case "$and": list(value).allSatisfy { holds($0, for: members) }
            case "$or": list(value).contains { holds($0, for: members) }
            case "$not": !holds(value, for: members)
            default: condition(value, holdsFor: values(at: name, in: members))
            }
        }
    }

    private static func list(_ value: MetadataValue) -> [MetadataValue] {
        if case .array(let values) = value { values } else { [] }
    }

    /// Whatever a path leads to: a member may have a dot in its own name.
    private static func values(
        at path: String, in members: [String: MetadataValue]
    ) -> [MetadataValue] {
        members.flatMap { name, value -> [MetadataValue] in
            if name == path { return [value] }
            guard path.hasPrefix(name + "."), case .object(let inner) = value else { return [] }
            return values(at: String(path.dropFirst(name.count + 1)), in: inner)
        }
    }

    private static func condition(
        _ condition: MetadataValue, holdsFor values: [MetadataValue]
    ) -> Bool {
        guard case .object(let operators) = condition else {
            return values.contains { equal($0, condition) }
        }
        return operators.allSatisfy { name, operand in
            switch name {
            case "$eq": values.contains { equal($0, operand) }
            case "$ne": !values.contains { equal($0, operand) }
            case "$in": values.contains { value in list(operand).contains { equal(value, $0) } }
            case "$nin": !values.contains { value in list(operand).contains { equal(value, $0) } }
            case "$gt": values.contains { order($0, operand) == 1 }
            case "$gte": values.contains { [0, 1].contains(order($0, operand)) }
            case "$lt": values.contains { order($0, operand) == -1 }
            case "$lte": values.contains { [0, -1].contains(order($0, operand)) }
            case "$contains": values.contains { contains($0, operand) }
            case "$not_contains": !values.contains { contains($0, operand) }
            case "$exists": operand == .bool(!values.isEmpty)
            case "$not": !Self.condition(operand, holdsFor: values)
            default: false
            }
        }
    }

    private static func contains(_ value: MetadataValue, _ part: MetadataValue) -> Bool {
        switch (value, part) {
        case (.array(let elements), _): return elements.contains { equal($0, part) }
        case (.string(let text), .string(let part)):
            let (text, part) = (Array(text.utf8), Array(part.utf8))
            guard part.count <= text.count else { return false }
            return (0...text.count - part.count).contains {
                Array(text[$0..<$0 + part.count]) == part
            }
        default: return false
        }
    }

    private static func equal(_ a: MetadataValue, _ b: MetadataValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        default: order(a, b) == 0
        }
    }

    /// -1, 0 or 1 for two numbers or two strings; nil for anything else.
    private static func order(_ a: MetadataValue, _ b: MetadataValue) -> Int? {
        switch (a, b) {
        case (.string(let a), .string(let b)):
            let (a, b) = (Array(a.utf8), Array(b.utf8))
            return a == b ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
        case (.integer(let a), .integer(let b)): return a == b ? 0 : a < b ? -1 : 1
        case (.integer(let a), .number(let b)): return order(a, b)
        case (.number(let a), .integer(let b)): return order(b, a).map { -$0 }
        case (.number(let a), .number(let b)): return a == b ? 0 : a < b ? -1 : 1
        default: return nil
        }
    }

    /// A whole and a floating number, exactly.
    private static func order(_ a: Int64, _ b: Double) -> Int? {
        if b >= 0x1p63 { return -1 }
        if b < -0x1p63 { return 1 }
        let whole = Int64(b.rounded(.towardZero))
        if a != whole { return a < whole ? -1 : 1 }
        let rest = b - b.rounded(.towardZero)
        return rest == 0 ? 0 : rest > 0 ? -1 : 1
    }
}

extension SeededGenerator {
    private mutating func pick<T>(_ values: [T]) -> T {
        values[Int.random(in: 0..<values.count, using: &self)]
    }

    /// Few names and values, so that they meet.
    mutating func name() -> String { pick(["a", "b", "c", "a.b", "é"]) }

    mutating func scalar() -> MetadataValue {
        pick([
            .null, .bool(true), .bool(false), .integer(0), .integer(1), .integer(-3), .number(1),
            .number(0.5), .number(-0.0), .integer(1 << 53 + 1), .number(0x1p53), .number(1e300),
            .integer(.max), .number(0x1p63), .string(""), .string("1"), .string("true"),
            .string("ab"), .string("abc"), .string("e\u{301}"), .string("é"), .string("a\0b"),
        ])
    }

    mutating func value(depth: Int) -> MetadataValue {
        switch Int.random(in: 0..<8, using: &self) {
        case 0: return .array((0..<Int.random(in: 0...3, using: &self)).map { _ in scalar() })
        case 1 where depth > 0: return .object(members(depth: depth - 1))
        case 2 where depth > 0: return .array([value(depth: depth - 1), scalar()])
        default: return scalar()
        }
    }

    mutating func members(depth: Int) -> [String: MetadataValue] {
        var members: [String: MetadataValue] = [:]
        for _ in 0..<Int.random(in: 0...4, using: &self) { members[name()] = value(depth: depth) }
        return members
    }

    mutating func filter(depth: Int) -> [String: MetadataValue] {
        var filter: [String: MetadataValue] = [:]
        for _ in 0..<pick([1, 1, 1, 2]) {
            if depth > 0, Bool.random(using: &self) {
                let inner = (0..<pick([1, 2, 3])).map { _ in
                    MetadataValue.object(self.filter(depth: depth - 1))
                }
                switch pick([0, 1, 2]) {
                case 0: filter["$and"] = .array(inner)
                case 1: filter["$or"] = .array(inner)
                default: filter["$not"] = inner[0]
                }
            } else {
                filter[pick([name(), name(), name() + "." + name()])] = condition(depth: 1)
            }
        }
        return filter
    }

    private mutating func condition(depth: Int) -> MetadataValue {
        if pick([0, 1, 2, 3]) == 0 { return scalar() }
        var operators: [String: MetadataValue] = [:]
        for _ in 0..<pick([1, 1, 2]) {
            switch pick([0, 1, 2, 3, 4, 5]) {
            case 0: operators[pick(["$eq", "$ne", "$contains", "$not_contains"])] = scalar()
            case 1: operators[pick(["$gt", "$gte", "$lt", "$lte"])] = orderable()
            case 2:
                operators[pick(["$in", "$nin"])] = .array(
                    (0..<pick([0, 1, 3])).map { _ in scalar() })
            case 3: operators["$exists"] = .bool(pick([true, false]))
            case 4 where depth > 0: operators["$not"] = notted(depth: depth - 1)
            default: operators["$contains"] = scalar()
            }
        }
        return .object(operators)
    }

    private mutating func notted(depth: Int) -> MetadataValue {
        while true {
            let inner = condition(depth: depth)
            if case .object = inner { return inner }
        }
    }

    private mutating func orderable() -> MetadataValue {
        while true {
            switch scalar() {
            case .null, .bool: continue
            case let value: return value
            }
        }
    }
}
