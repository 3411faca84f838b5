/// A JSON document as it is written: the members of an object keep their order and their duplicates,
/// so that a vocabulary with a token twice can be told from a sound one.
enum JSONValue {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])

    /// The value of an object's last member of that name, as JSON readers commonly have it.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == name }?.value
    }

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The elements of an array, or the values of an object's members.
    var elements: [JSONValue]? {
        if case .object(let members) = self { members.map(\.value) } else { array }
    }

    /// A number without a fraction that fits; 1e30, which means "no limit", does not.
    var integer: Int? {
        if case .number(let value) = self { Int(exactly: value) } else { nil }
    }

    var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// What kind of value this is, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value.count > 60 ? "a string" : value.debugDescription
        case .array: "an array"
        case .object: "an object"
        }
    }
}
