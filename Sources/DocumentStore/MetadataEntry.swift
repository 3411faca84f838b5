/// One value of metadata that a filter can name: a leaf, an element of a list, or the mark that a
/// list or an object is there. Metadata is kept as a table of these beside its text, so that a
/// filter is a look into an index.
struct MetadataEntry: Hashable, Sendable {
    /// Member names from the outermost in, joined by dots, in UTF-8: strings of Swift would be equal
    /// to those of other bytes.
    let path: [UInt8]
    /// The value; for an object or a list, 0.
    let value: Scalar
    /// Whether it is an element of the list at `path`.
    let isElement: Bool

    /// Everything that a filter can see of an object. Lists in lists and objects in lists are not
    /// looked into.
    static func all(of members: [String: MetadataValue]) -> Set<MetadataEntry> {
        var entries: Set<MetadataEntry> = []
        func add(_ value: MetadataValue, at path: [UInt8]) {
            if let scalar = Scalar(value) {
                entries.insert(MetadataEntry(path: path, value: scalar, isElement: false))
            } else if case .array(let values) = value {
                entries.insert(MetadataEntry(path: path, value: .list, isElement: false))
                for case let scalar? in values.map(Scalar.init) {
                    entries.insert(MetadataEntry(path: path, value: scalar, isElement: true))
                }
            } else if case .object(let members) = value {
                entries.insert(MetadataEntry(path: path, value: .object, isElement: false))
                for (name, value) in members {
                    add(value, at: path + [UInt8(ascii: ".")] + name.utf8)
                }
            }
        }
        for (name, value) in members { add(value, at: Array(name.utf8)) }
        return entries
    }

    /// The number that stands for the kind of value in the table; elements are 16 above.
    var kindCode: Int { value.kind.rawValue + (isElement ? Self.elementOffset : 0) }

    static let elementOffset = 16
}

/// A value without parts, in the form in which it is compared.
enum Scalar: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    /// UTF-8.
    case string([UInt8])
    /// There is a list.
    case list
    /// There is an object.
    case object

    /// Only values of one kind are compared.
    enum Kind: Int, Sendable {
        case null = 0
        case bool = 1
        case number = 2
        case string = 3
        case list = 4
        case object = 5
    }

    /// Nil for lists and objects.
    init?(_ value: MetadataValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value):
            // One spelling for one number.
            if let whole = Int64(exactly: value) {
                self = .integer(whole)
            } else {
                self = .number(value)
            }
        case .string(let value): self = .string(Array(value.utf8))
        case .array, .object: return nil
        }
    }

    var kind: Kind {
        switch self {
        case .null: .null
        case .bool: .bool
        case .integer, .number: .number
        case .string: .string
        case .list: .list
        case .object: .object
        }
    }
}
