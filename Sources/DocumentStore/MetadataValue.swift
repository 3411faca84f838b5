/// A JSON value, as a document's metadata and a filter have it.
package enum MetadataValue: Sendable, Hashable {
    /// JSON's null: a value, and not the same as a member that is missing.
    case null
    /// true or false; never equal to a number.
    case bool(Bool)
    /// A whole number of 64 bits; equal to the same number written with a fraction of zero.
    case integer(Int64)
    /// Any other number, finite.
    case number(Double)
    /// Text, compared byte by byte in UTF-8: no case, language or normalisation is considered.
    case string(String)
    /// A list.
    case array([MetadataValue])
    /// Members by name.
    case object([String: MetadataValue])

    /// What kind of value this is, for messages.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

extension MetadataValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode([String: MetadataValue].self) {
            self = .object(value)
        } else {
            self = .array(try container.decode([MetadataValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}
